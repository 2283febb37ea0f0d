import { expect, test } from "vitest";
import { killAndResume } from "../support/kill-resume.ts";

// Ten kill points, in Docker, are run by `npm run soak -- orchestrator`.
for (const nth of [22]) {
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
        checkouts: 0,
        testsPass: true,
      },
    });
  });
}
