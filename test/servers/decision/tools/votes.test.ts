import { afterEach, beforeEach, expect, test } from "vitest";
import { answered } from "../../../../servers/decision/domain/approval.ts";
import { openForTest, type OpenDecision } from "../open.ts";
import { makeRepository } from "../repository.ts";

let server: OpenDecision;
beforeEach(async () => {
  server = await openForTest();
});
afterEach(() => server.close());

const FACTS = { coverage: 0.9, complexity: 0.1 };
async function decide(args: Record<string, unknown> = {}): Promise<string> {
  const decision = await server.must("decide", { action: "merge", facts: FACTS, subject: "abc", ...args });
  return String(decision["decision_id"]);
}
const vote = (decision_id: string, args: Record<string, unknown>) =>
  server.call("cast_vote", { decision_id, voter: "ann", role: "tester", score: 1, ...args });

test("votes add up, as advice where names are self-declared, and the count can be read again", async () => {
  const id = await decide();
  expect(await vote(id, {})).toMatchObject({ ok: true, value: { quorum: false, verdict: "require_human" } });
  const second = await vote(id, { voter: "ben", role: "reviewer", score: 0.9, rationale: "read it all" });
  const count = {
    decision_id: id,
    quorum: true,
    dissent: false,
    verdict: "auto_proceed",
    advisory: true,
    voters: 2,
  };
  expect(second).toMatchObject({ ok: true, value: count });
  expect(await server.must("tally_votes", { decision_id: id })).toMatchObject(count);
  expect(await server.must("explain_decision", { decision_id: id })).toMatchObject({
    verdict: "request_review",
  });
  expect((await server.store.events({ after: 0, limit: 99, types: ["vote.cast"] })).length).toBe(2);
});

test("nobody votes twice, whatever the case of the name; the first vote stands and the attempt is on record", async () => {
  const id = await decide();
  await vote(id, { score: 0.9 });
  expect(await vote(id, { voter: "ANN", role: "architect", score: 0 })).toMatchObject({
    ok: false,
    error: { code: "conflict" },
  });
  expect(await server.must("tally_votes", { decision_id: id })).toMatchObject({ voters: 1, score: 0.9 });
  expect(await server.store.events({ after: 0, limit: 99, types: ["access.denied"] })).toMatchObject([
    { subject: id, data: { what: "vote", code: "conflict" } },
  ]);
});

test("the author has no vote, neither as named to decide nor as the commit says", async () => {
  const named = await decide({ author: "Ann" });
  expect(await vote(named, {})).toMatchObject({ ok: false, error: { code: "denied" } });
  await server.close();
  const repo = makeRepository();
  server = await openForTest([repo.path]);
  repo.write("a.ts", "a\n");
  repo.commit("first");
  const { assessment_id, range } = await server.must("assess_risk", { action: "merge", repo: repo.path });
  const author = repo.git("log", "-1", "--format=%ae").trim();
  const measured = await decide({ facts: undefined, assessment_id });
  expect(range).toBeDefined();
  expect(await vote(measured, { voter: author })).toMatchObject({ ok: false, error: { code: "denied" } });
  expect(await vote(measured, { voter: author.split("@")[0] })).toMatchObject({
    ok: false,
    error: { code: "denied" },
  });
  expect(await vote(measured, { voter: "somebody else" })).toMatchObject({ ok: true });
  repo.remove();
});

test("once it is settled, by an outcome or by a person, no vote counts", async () => {
  const done = await decide();
  await server.must("record_outcome", { decision_id: done, outcome: "success", source: "ci" });
  expect(await vote(done, {})).toMatchObject({ ok: false, error: { code: "invalid_state" } });

  const asked = await server.must("decide", {
    action: "merge",
    facts: FACTS,
    critical: true,
    subject: "abd",
  });
  const id = String(asked["decision_id"]);
  expect(await vote(id, {})).toMatchObject({ ok: true });
  await server.store.write({ principal: { id: "user:eve" }, once: undefined }, async (tx) => {
    const approval = await tx.findApproval(String(asked["approval_id"]));
    if (approval === undefined) throw new Error("no approval");
    await tx.saveApproval(answered(approval, "approved", "user:eve", "terminal", server.now()));
  });
  expect(await vote(id, { voter: "ben" })).toMatchObject({ ok: false, error: { code: "invalid_state" } });
});

test("disagreement and a veto call for a person, once", async () => {
  const id = await decide();
  await vote(id, {});
  const against = await vote(id, { voter: "ben", role: "reviewer", score: 0.2 });
  expect(against).toMatchObject({ ok: true, value: { dissent: true, verdict: "require_human" } });
  expect(await vote(id, { voter: "cid", role: "architect", veto: true, score: 0 })).toMatchObject({
    ok: true,
    value: { verdict: "block" },
  });
  const { escalations } = await server.must("list_escalations", {});
  expect(escalations).toMatchObject([
    { rule: "code_review_disagreement", tier: "standard", subject: "abc", times: 2, decision_id: id },
  ]);
});

test("who was wrong before weighs less", async () => {
  for (let i = 0; i < 30; i += 1) {
    const id = await decide({ subject: `past ${i}` });
    await vote(id, { voter: "sure", role: "reviewer", score: 0.99 });
    await server.must("record_outcome", {
      decision_id: id,
      outcome: i % 2 === 0 ? "failure" : "reverted",
      source: "ci",
    });
  }
  const id = await decide();
  await vote(id, { voter: "sure", role: "reviewer", score: 0.99 });
  await vote(id, { voter: "ben", role: "tester", score: 0.6 });
  const { score } = await server.must("tally_votes", { decision_id: id });
  // Alike they would give .795.
  expect(score).toBeLessThan(0.65);
});

test("a vote on nothing, of no role, out of range or both veto and abstention is refused", async () => {
  const id = await decide();
  expect(await vote("dec_none", {})).toMatchObject({ ok: false, error: { code: "not_found" } });
  expect((await vote(id, { role: "king" })).ok).toBe(false);
  expect((await vote(id, { score: 1.1 })).ok).toBe(false);
  expect((await vote(id, { voter: " " })).ok).toBe(false);
  expect(await vote(id, { veto: true, abstain: true })).toMatchObject({
    ok: false,
    error: { code: "invalid" },
  });
});

test("a dispute about a subject is known when it is decided on again", async () => {
  const first = await decide({ subject: "disputed" });
  await vote(first, { score: 1 });
  await vote(first, { voter: "ben", role: "reviewer", score: 0 });
  const again = { action: "merge", facts: FACTS, confidence: 0.99 };
  expect(await server.must("decide", { ...again, subject: "disputed" })).toMatchObject({
    rules_fired: expect.arrayContaining(["code_review_disagreement"]),
  });
  const other = await server.must("decide", { ...again, subject: "another" });
  expect(other["rules_fired"]).not.toContain("code_review_disagreement");
});
