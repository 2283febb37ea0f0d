import { DomainError } from "../../kernel/errors.ts";
import { parseFlags } from "../../kernel/flags.ts";
import { bigDiffPart } from "../git/big-diff.ts";
import { crowdPart } from "../git/crowd.ts";
import { hostilePart } from "../git/hostile.ts";
import { killsPart } from "../git/kills.ts";
import { matrixPart } from "../git/matrix.ts";
import { pullRequestsPart } from "../git/pull-requests.ts";
import { replayedMergesPart } from "../git/replayed-merges.ts";
import type { SoakPart } from "../git/soak-part.ts";
import { undoPart } from "../git/undo.ts";
import { markdownTable } from "../machine.ts";

const PARTS: Readonly<Record<string, SoakPart>> = {
  hostile: hostilePart,
  kills: killsPart,
  undo: undoPart,
  merges: replayedMergesPart,
  matrix: matrixPart,
  crowd: crowdPart,
  pull_requests: pullRequestsPart,
  big_diff: bigDiffPart,
};

/**
 * What the git server promises, in full counts: `npm run soak -- git [--only PART,…] [--count N] [--from N]`. `--count`
 * and `--from` are for one part: how far it goes, and where it begins, to go on with one that was stopped.
 */
export async function soakGit(argv: readonly string[]): Promise<string> {
  const text = { type: "string" } as const;
  const flags = parseFlags(argv, { only: text, count: text, from: text }, 0);
  const wanted = flags.text("only")?.split(",") ?? Object.keys(PARTS);
  const from = flags.int("from", 0, 1_000_000) ?? 0;
  const rows: (readonly string[])[] = [];
  for (const name of wanted) {
    const part = PARTS[name];
    if (part === undefined)
      throw new DomainError(
        "invalid",
        `there is no part ${name}; the parts are ${Object.keys(PARTS).join(", ")}`,
      );
    const count = flags.int("count", 1, 1_000_000) ?? part.count;
    const reached = (number: number): void => {
      process.stderr.write(`soak git: ${name} ${number} of ${count}\n`);
    };
    const begun = performance.now();
    const [done, result] = await part.run({ from, count, reached });
    rows.push([name, done, result, ((performance.now() - begun) / 1_000).toFixed(0)]);
    // What is done is told at once: a later part may be stopped.
    process.stderr.write(`soak git: ${name}: ${done}: ${result}\n`);
  }
  return markdownTable(["part", "count", "result", "seconds"], rows);
}
