import fc from "fast-check";
import { openGitBench } from "../../test/servers/git/git-server.ts";
import { playAndUndo, stepsArbitrary } from "../../test/servers/git/undo-sequences.ts";
import type { SoakPart } from "./soak-part.ts";

/** Each operation of each sequence is undone, and that undone again; files and branches are compared byte for byte. */
export const undoPart: SoakPart = {
  count: 1_000,
  async run({ from, count, reached }) {
    const bench = await openGitBench();
    let undone = 0;
    try {
      // The same sequences in the same order, however many are asked for.
      for (const [number, steps] of fc.sample(stepsArbitrary, { seed: 1, numRuns: count }).entries()) {
        if (number < from) continue;
        if (number % 10 === 0) reached(number);
        undone += await playAndUndo(bench, steps);
      }
    } finally {
      await bench.close();
    }
    return [
      `${count - from} sequences, ${undone} operations`,
      "byte-exact every time, and so is undoing the undo",
    ];
  },
};
