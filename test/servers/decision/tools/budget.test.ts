import { afterAll, beforeAll, expect, test } from "vitest";
import type { LessonRecord } from "../../../../servers/decision/store/decision-store.ts";
import { openForTest, type OpenDecision } from "../open.ts";
import { makeRepository, type Repository } from "../repository.ts";

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 1);
const WRITER = { principal: { id: "test" }, once: undefined };

let repo: Repository;
let open: OpenDecision;
beforeAll(async () => {
  repo = makeRepository();
  repo.write("a.ts", "one\n");
  repo.write("rules/mine.yaml", "name: mine\n");
  repo.commit("first");
  repo.write("a.ts", "one\ntwo\n");
  repo.commit("small");
  open = await openForTest([repo.path], NOW);
});
afterAll(async () => {
  await open.close();
  repo.remove();
});

/** Decisions of the past under the formula: of the risky half every third one ended badly, of the other none. */
async function past(attested: LessonRecord["attested"]): Promise<void> {
  await open.store.write(WRITER, async (tx) => {
    await tx.hold("weighted_formula", "test", NOW);
    for (let i = 0; i < 400; i += 1) {
      const at = NOW - (500 - i) * DAY_MS;
      const isRisky = i % 2 === 1;
      await tx.setLesson(
        `dec_${i}`,
        {
          ...{ id: `dec_${i}`, action: "merge", principal: "somebody", attested, stated: null },
          ...{ risk: isRisky ? 0.5 : 0.1, verdict: "request_review", model: "weighted_formula" },
          metrics: {
            ...{ ns: 1, nd: 1, nf: 1, entropy: 0, la: 1, ld: 0, lt: 1, fix: 0 },
            ...{ ndev: 1, age: 1, nuc: 1, exp: 1, rexp: 1, sexp: 1 },
          },
          at,
          due: at,
          label: isRisky && i % 6 === 1 ? 1 : 0,
        },
        NOW,
      );
    }
  });
}

async function decided(): Promise<{ readonly id: unknown; readonly decision: Record<string, unknown> }> {
  const { assessment_id } = await open.must("assess_risk", { action: "merge", repo: repo.path });
  const decision = await open.must("decide", { action: "merge", assessment_id, confidence: 0.95 });
  return { id: decision["decision_id"], decision };
}

test("what goes on alone has to be proven; its bad ends use the budget up, and then a person is asked", async () => {
  // Good ends that only their makers tell of prove nothing.
  await past("self");
  expect((await decided()).decision).toMatchObject({
    verdict: "proceed_with_monitoring",
    rules_fired: ["budget_unproven", "low_risk"],
  });

  await past("token");
  const { id, decision } = await decided();
  expect(decision).toMatchObject({ verdict: "auto_proceed", rules_fired: ["low_risk"] });
  // Half of a base rate of 67 in 400; the safe half never ended badly.
  expect(decision["reasons"]).toContainEqual(
    expect.stringMatching(/^risk budget 8.4 %: risk up to 0.100 may go on alone \(0 of 200 such .* 0 of 0/),
  );
  expect(await open.must("explain_decision", { decision_id: id })).toMatchObject({
    trace: { budget: { rate: expect.closeTo(0.08375, 9), allowance: { changes: 200 }, risk_cut: 0.1 } },
    counterfactual: { verdict: "proceed_with_monitoring", factor: "confidence" },
  });
  // What is only claimed is proven by nothing.
  expect(
    await open.must("decide", { action: "merge", facts: { coverage: 1, complexity: 0 }, confidence: 0.95 }),
  ).toMatchObject({ verdict: "proceed_with_monitoring" });

  await open.must("record_outcome", { decision_id: id, outcome: "incident", source: "ops" });
  expect((await decided()).decision).toMatchObject({ verdict: "auto_proceed" });
  const second = await decided();
  await open.must("record_outcome", { decision_id: second.id, outcome: "reverted", source: "revert" });
  // Good ends that nobody can know of yet free nothing.
  await open.store.write(WRITER, async (tx) => {
    const [lesson] = await tx.lessons({ now: NOW + DAY_MS, with: "verdict", limit: 1 });
    if (lesson === undefined) throw new Error("there is no lesson to copy");
    for (let i = 0; i < 50; i += 1) {
      const early = { id: `dec_early${i}`, verdict: "auto_proceed", metrics: null, label: 0 } as const;
      await tx.setLesson(early.id, { ...lesson, ...early, at: NOW + i, due: NOW + 90 * DAY_MS }, NOW);
    }
  });
  const after = await decided();
  expect(after.decision).toMatchObject({
    verdict: "require_human",
    rules_fired: ["budget_used_up", "low_risk"],
    approval_id: expect.stringMatching(/^apr_/),
  });
  expect(after.decision["reasons"]).toContainEqual(expect.stringContaining("2 of 2 that went on alone"));
});

test("a change of the policy, or of what names it, waits for a person", async () => {
  repo.write("rules/mine.yaml", "name: mine\notherwise: {}\n");
  repo.commit("softer rules");
  expect((await decided()).decision).toMatchObject({
    verdict: "require_human",
    rules_fired: expect.arrayContaining(["policy_touched"]),
    reasons: expect.arrayContaining(["the change touches the policy that judges it"]),
  });
  repo.git("rm", "-rq", "rules");
  repo.write("rules", "link");
  repo.commit("a file in place of its folder");
  expect((await decided()).decision).toMatchObject({ verdict: "require_human" });
});
