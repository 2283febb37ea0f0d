import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { GitBench } from "./git-server.ts";

/** When a server dies: at its `nth` git whose arguments match a pattern of the shell. */
export interface Death {
  readonly pattern: string;
  readonly nth: number;
  /** `during`: the git goes on and ends by itself, without anybody to tell. */
  readonly when: "before" | "during" | "after";
}

/**
 * Makes a call in a process of its own, on the bench's state folder, that is killed with -9 on the way. Returns false
 * when it got through alive.
 */
export function callAndDie(
  bench: GitBench,
  tool: string,
  args: Record<string, unknown>,
  death: Death,
): boolean {
  const { base, app } = bench.ground;
  const path = `${deadlyGit(bench, death)}:${process.env["PATH"] ?? ""}`;
  const state = JSON.stringify({ base, app, worktrees: bench.worktrees });
  const script = fileURLToPath(new URL("./killed-call.ts", import.meta.url));
  const result = spawnSync(process.execPath, [script, state, tool, JSON.stringify(args), path], {
    encoding: "utf8",
    timeout: 60_000,
  });
  if (result.signal === null && result.status !== 0) throw new Error(`${tool}: ${result.stderr}`);
  return result.signal === "SIGKILL";
}

/** A folder with a git that kills the server calling it. */
function deadlyGit(bench: GitBench, { pattern, nth, when }: Death): string {
  const folder = mkdtempSync(join(bench.ground.base, "deadly-"));
  const real = bench.ground.git(bench.ground.app, "--exec-path").replace(/\/libexec.*|\/lib\/.*/, "/bin/git");
  const kill = 'kill -9 "$PPID"';
  const steps = {
    before: [kill, `exec ${real} "$@"`],
    during: [`${real} "$@" &`, kill, "wait $!", "exit $?"],
    after: [`${real} "$@"`, "code=$?", kill, "exit $code"],
  }[when];
  writeFileSync(
    join(folder, "git"),
    `#!/bin/sh
PATH=/usr/local/bin:/usr/bin:/bin
case "$*" in ${pattern})
  echo >> ${folder}/count
  if [ "$(wc -l < ${folder}/count)" -eq ${nth} ]; then
    ${steps.join("\n    ")}
  fi;;
esac
exec ${real} "$@"
`,
    { mode: 0o755 },
  );
  return folder;
}
