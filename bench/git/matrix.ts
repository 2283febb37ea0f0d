import { join } from "node:path";
import { openGitBench } from "../../test/servers/git/git-server.ts";
import { quantile } from "../statistics.ts";
import type { SoakPart } from "./soak-part.ts";

const ROUNDS = 5;
const AT_MOST_MS = 1_500;

/** Every pair of many branches of a repository of some size. */
export const matrixPart: SoakPart = {
  count: 50,
  async run({ count, reached }) {
    const bench = await openGitBench();
    const files = Object.fromEntries(
      Array.from({ length: 500 }, (_, at) => [
        `src/${at % 20}/file-${at}.ts`,
        `export const n${at} = ${at};\n`.repeat(40),
      ]),
    );
    const { ground } = bench;
    const repo = ground.repository(join(ground.app, "repo"), files);
    const branches: string[] = [];
    for (let number = 0; number < count; number += 1) {
      const name = `work-${number}`;
      ground.git(repo, "switch", "--quiet", "--create", name, "main");
      for (const at of [number, number * 7, number % 10])
        ground.write(repo, { [`src/${at % 20}/file-${at}.ts`]: `export const changed = ${number};\n` });
      ground.git(repo, "add", "--all");
      ground.git(repo, "commit", "--quiet", `--message=${name}`);
      branches.push(name);
    }
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      reached(round);
      const start = performance.now();
      await bench.must("predict_conflicts", { repo, branches, worktrees: [] });
      times.push(performance.now() - start);
    }
    await bench.close();
    const median = quantile(times, 0.5);
    return [
      `${count} branches, ${(count * (count - 1)) / 2} pairs`,
      `p50 ${median.toFixed(0)} ms (bar ${AT_MOST_MS}: ${median < AT_MOST_MS ? "held" : "NOT held"})`,
    ];
  },
};
