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
      // A sequence has its number as its seed, so that one alone can be played again.
      for (let number = from; number < count; number += 1) {
        if (number % 10 === 0) reached(number);
        for (const steps of fc.sample(stepsArbitrary, { seed: number, numRuns: 1 }))
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
