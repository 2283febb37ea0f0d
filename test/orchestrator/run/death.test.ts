import { expect, test } from "vitest";
import { runWithDeath } from "../../support/fault-run.ts";

const END = {
  status: "done",
  merges: ["Add a note", "Fix add", "Fix mul"],
  isClean: true,
  worktrees: 0,
  sandboxes: 0,
  checkouts: 0,
  queue: ["Fix add succeeded", "Fix mul succeeded", "Add a note succeeded"],
  told: ["add", "mul", "note"],
};

// Every point is tried by `npm run soak -- orchestrator`.
for (const [nth, leasesLapse] of [
  [45, false],
  [128, true],
] as const) {
  test(`a death after effect ${nth}${leasesLapse ? ", and a resumption after every claim has lapsed" : ""}: the same end, every task merged once`, async () => {
    const { outcome, effects, diedAfter } = await runWithDeath(nth, leasesLapse);
    expect(effects).toBe(nth);
    expect(outcome, diedAfter).toEqual(END);
  });
}
