import { afterEach, beforeEach, expect, test } from "vitest";
import { answered, type ApprovalAnswer } from "../../../../servers/decision/domain/approval.ts";
import { openForTest, type OpenDecision } from "../open.ts";
import { makeRepository, type Repository } from "../repository.ts";

const SAFE = {
  coverage: 0.95,
  complexity: 0.1,
  dependencies_changed: 0,
  impact_radius: 0,
  historical_stability: 0.9,
  test_failure_rate: 0,
};
const HOUR = 3_600_000;

let server: OpenDecision;
let repo: Repository | undefined;
beforeEach(async () => {
  server = await openForTest();
});
afterEach(async () => {
  await server.close();
  repo?.remove();
});

const decide = (args: Record<string, unknown>): Promise<Record<string, unknown>> =>
  server.must("decide", { action: "merge", facts: SAFE, ...args });

async function answer(id: unknown, status: ApprovalAnswer): Promise<void> {
  await server.store.write({ principal: { id: "user:ann" }, once: undefined }, async (tx) => {
    const approval = await tx.findApproval(String(id));
    if (approval === undefined) throw new Error("no approval");
    await tx.saveApproval(answered(approval, status, "user:ann", "terminal", server.now()));
  });
}

test.each<[verdict: string, args: Record<string, unknown>]>([
  ["proceed_with_monitoring", { confidence: 0.95 }],
  ["proceed_with_monitoring", { confidence: 0.8 }],
  ["request_review", { confidence: 0.6 }],
  ["request_review", {}],
  ["request_review", { confidence: 0.99, facts: { coverage: 0.1, complexity: 0.9 } }],
  ["require_human", { confidence: 0.95, critical: true }],
  ["require_human", { confidence: 0.95, facts: { ...SAFE, tests_failed: null } }],
  ["block", { confidence: 0.95, facts: { ...SAFE, tests_failed: 2 } }],
  ["block", { confidence: 0.95, facts: { ...SAFE, protected_tests_touched: 1 }, critical: true }],
])("%s for %j", async (verdict, args) => {
  const decision = await decide(args);
  expect(decision["verdict"]).toBe(verdict);
  expect(decision["reasons"]).not.toEqual([]);
  expect(decision["policy_version"]).toMatch(/^balanced@[0-9a-f]{12}$/);
  expect("approval_id" in decision).toBe(verdict === "require_human");
});

test("decides on a measured range, where later facts can still block it but not undo what was claimed", async () => {
  await server.close();
  repo = makeRepository();
  server = await openForTest([repo.path]);
  repo.write("a.ts", "a\n");
  repo.commit("first");
  repo.write("a.ts", "b\n");
  repo.commit("second");
  const { assessment_id } = await server.must("assess_risk", {
    action: "merge",
    repo: repo.path,
    facts: { tests_failed: 1 },
  });
  expect(await server.must("decide", { action: "merge", assessment_id, confidence: 1 })).toMatchObject({
    verdict: "block",
  });
  expect(
    await server.must("decide", {
      action: "merge",
      assessment_id,
      confidence: 1,
      facts: { tests_failed: 0 },
    }),
  ).toMatchObject({ verdict: "block" });

  const clean = await server.must("assess_risk", { action: "merge", repo: repo.path });
  const id = clean["assessment_id"];
  expect(await server.must("decide", { action: "merge", assessment_id: id, confidence: 0.95 })).toMatchObject(
    { verdict: "proceed_with_monitoring", rules_fired: ["budget_unproven", "low_risk"] },
  );
  expect(
    await server.must("decide", {
      action: "merge",
      assessment_id: id,
      confidence: 0.95,
      facts: { secrets_found: 1 },
    }),
  ).toMatchObject({ verdict: "block" });
  expect(await server.call("decide", { action: "deploy", assessment_id: id })).toMatchObject({
    ok: false,
    error: { code: "invalid" },
  });
});

test("asking again about the same thing leads to the same approval, about anything else to another", async () => {
  const ask = (args: Record<string, unknown> = {}) =>
    decide({ critical: true, subject: "abc", ...args }).then((decision) => decision["approval_id"]);
  const first = await ask();
  expect(await ask()).toBe(first);
  expect(await ask({ subject: "abd" })).not.toBe(first);
  expect(await ask({ action: "deploy" })).not.toBe(first);
  expect(await ask({ facts: { ...SAFE, complexity: 0.2 } })).not.toBe(first);
  await answer(first, "approved");
  expect(await ask()).toBe(first);
});

test("without a subject and without a measured range every decision asks for itself", async () => {
  expect((await decide({ critical: true }))["approval_id"]).not.toBe(
    (await decide({ critical: true }))["approval_id"],
  );
});

test("an approval is used once: after the outcome the same subject has to be asked again", async () => {
  const first = await decide({ critical: true, subject: "abc" });
  await answer(first["approval_id"], "approved");
  expect(await server.must("get_approval", { approval_id: first["approval_id"] })).toMatchObject({
    status: "approved",
    who: "user:ann",
    channel: "terminal",
  });
  await server.must("record_outcome", {
    decision_id: first["decision_id"],
    outcome: "success",
    source: "ci",
  });
  expect(await server.must("get_approval", { approval_id: first["approval_id"] })).toHaveProperty("used_at");
  const second = await decide({ critical: true, subject: "abc" });
  expect(second["approval_id"]).not.toBe(first["approval_id"]);
  expect(await server.must("get_approval", { approval_id: second["approval_id"] })).toMatchObject({
    status: "pending",
  });
});

test("an outcome spends only what was approved", async () => {
  const { decision_id, approval_id } = await decide({ critical: true, subject: "abc" });
  await server.must("record_outcome", { decision_id, outcome: "unknown", source: "ci" });
  const approval = await server.must("get_approval", { approval_id });
  expect(approval).toMatchObject({ status: "pending" });
  expect(approval).not.toHaveProperty("used_at");
});

test("a refusal binds like an approval until its time is over", async () => {
  const first = await decide({ critical: true, subject: "abc" });
  await answer(first["approval_id"], "denied");
  const again = await decide({ critical: true, subject: "abc" });
  expect(again["approval_id"]).toBe(first["approval_id"]);
  expect(await server.must("get_approval", { approval_id: again["approval_id"] })).toMatchObject({
    status: "denied",
  });
  server.pass(25 * HOUR);
  expect((await decide({ critical: true, subject: "abc" }))["approval_id"]).not.toBe(first["approval_id"]);
});

test("an unanswered approval expires after a day, and asking again opens a new one", async () => {
  const first = await decide({ critical: true, subject: "abc" });
  server.pass(24 * HOUR - 1);
  expect(await server.must("get_approval", { approval_id: first["approval_id"] })).toMatchObject({
    status: "pending",
  });
  server.pass(1);
  expect(await server.must("get_approval", { approval_id: first["approval_id"] })).toMatchObject({
    status: "expired",
  });
  const second = await decide({ critical: true, subject: "abc" });
  expect(second["approval_id"]).not.toBe(first["approval_id"]);
  const events = await server.store.events({ after: 0, limit: 100 });
  expect(events.map((event) => event.type)).toEqual([
    "risk.assessed",
    "policy.changed",
    "decision.made",
    "approval.requested",
    "risk.assessed",
    "approval.expired",
    "decision.made",
    "approval.requested",
  ]);
});

test("nothing to decide on, an unknown assessment, an unknown approval and an impossible confidence are refused", async () => {
  expect(await server.call("decide", { action: "merge" })).toMatchObject({
    ok: false,
    error: { code: "invalid" },
  });
  expect(await server.call("decide", { action: "merge", assessment_id: "rsk_none" })).toMatchObject({
    ok: false,
    error: { code: "not_found" },
  });
  expect(await server.call("get_approval", { approval_id: "apr_none" })).toMatchObject({
    ok: false,
    error: { code: "not_found" },
  });
  expect((await server.call("decide", { action: "merge", facts: SAFE, confidence: 1.1 })).ok).toBe(false);
});

test("a retry with the same key decides once", async () => {
  const first = await decide({ critical: true, idempotency_key: "k" });
  expect(await decide({ critical: true, idempotency_key: "k" })).toEqual(first);
  expect((await server.store.events({ after: 0, limit: 100, types: ["decision.made"] })).length).toBe(1);
});
