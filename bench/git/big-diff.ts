import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitPlayground } from "../../test/support/git-repository.ts";
import { serveGit } from "../../test/servers/git/served-git.ts";
import { residentMb } from "../machine.ts";
import type { SoakPart } from "./soak-part.ts";

const FILE_BYTES = 16 * 1024 * 1024;
const LINE = "a line of a file that somebody has generated\n";
const SAMPLE_MS = 20;
const AT_MOST_MB = 50;

/** A comparison of a gigabyte, asked of a server over stdio: its memory while it answers, and whether it answers on. */
export const bigDiffPart: SoakPart = {
  count: 64,
  async run({ count, reached }) {
    const ground = gitPlayground();
    const names = Array.from({ length: count }, (_, at) => `generated-${at}.txt`);
    const repo = ground.repository(
      join(ground.app, "repo"),
      Object.fromEntries(names.map((name) => [name, "one\n"])),
    );
    const text = LINE.repeat(Math.ceil(FILE_BYTES / LINE.length));
    for (const name of names) writeFileSync(join(repo, name), text);
    const served = await serveGit(ground);
    try {
      const call = (args: Record<string, unknown>) =>
        served.client.callTool({ name: "get_repo_diff", arguments: { repo, ...args } }, { timeout: 300_000 });
      await call({ paths: [names[0] ?? ""], stat_only: true });
      const before = residentMb(served.pid);
      let most = before;
      const sampler = setInterval(() => {
        most = Math.max(most, residentMb(served.pid));
      }, SAMPLE_MS);
      reached(0);
      const whole = await call({});
      reached(count);
      clearInterval(sampler);
      if (whole.isError === true) throw new Error(JSON.stringify(whole.content));
      const chars = JSON.stringify(whole).length;
      const status = await served.client.callTool({ name: "get_repo_status", arguments: { repo } });
      if (status.isError === true) throw new Error("the session does not go on");
      const grown = most - before;
      if (grown >= AT_MOST_MB) throw new Error(`the server grew by ${grown.toFixed(0)} MB`);
      return [
        `${((count * FILE_BYTES) / 2 ** 30).toFixed(2)} GiB in ${count} files`,
        `server +${grown.toFixed(0)} MB (bar ${AT_MOST_MB}), answer of ${chars.toLocaleString("en")} characters, session alive`,
      ];
    } finally {
      await served.close();
      rmSync(repo, { recursive: true, force: true });
      ground.dispose();
    }
  },
};
