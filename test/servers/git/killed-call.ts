// A process to be killed: opens a git server on the state folder argv[2] and makes one call, argv[3] with the JSON argv[4].
import { openGitBench } from "./git-server.ts";

const [, , state = "", tool = "", args = "{}", path = ""] = process.argv;
const { base, app, worktrees }: { base: string; app: string; worktrees: string } = JSON.parse(state);
const ground = {
  base,
  app,
  outside: base,
  home: base,
  git: () => "",
  repository: () => "",
  write: () => undefined,
  dispose: () => undefined,
};
const bench = await openGitBench({ path, worktrees }, ground);
await bench.must(tool, JSON.parse(args));
await bench.close();
