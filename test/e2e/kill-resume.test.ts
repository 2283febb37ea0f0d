import { expect, test } from "vitest";
import { killAndResume } from "../support/kill-resume.ts";

// The full count of kill points is run by `npm run soak -- orchestrator`.
for (const nth of [14, 27]) {
  test(`kill -9 at event ${nth} of the demo, then resume: the same end, every task merged once`, async () => {
    const recovery = await killAndResume(nth);
    expect(recovery).toMatchObject({
      wasKilled: true,
      exitCode: 0,
      outcome: {
        merges: [
          "Add up an invoice with its discounts",
          "Give the discount from the tier's quantity on",
          "Keep the cents of every amount",
        ],
        isClean: true,
        branch: "main",
        worktrees: 0,
        testsPass: true,
      },
    });
  });
}
