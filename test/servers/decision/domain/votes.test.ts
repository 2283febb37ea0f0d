import fc from "fast-check";
import { expect, test } from "vitest";
import { bareName, isSamePerson } from "../../../../servers/decision/domain/names.ts";
import {
  ROLE_WEIGHTS,
  ROLES,
  tallyOf,
  weightFromPast,
  type Role,
  type Vote,
} from "../../../../servers/decision/domain/votes.ts";

const vote = (role: Role, score: number, more: Partial<Vote> = {}): Vote => ({
  decisionId: "dec_1",
  identity: more.identity ?? `self:${role}`,
  voter: role,
  role,
  score,
  veto: false,
  abstain: false,
  rationale: "",
  attested: "token",
  at: 0,
  ...more,
});
const alike = (): number => 1;

test("the four roles weigh as the draft says, and sum to one", () => {
  expect(ROLE_WEIGHTS).toEqual({ developer: 0.2, tester: 0.3, reviewer: 0.3, architect: 0.2 });
  expect(ROLES.reduce((sum, role) => sum + ROLE_WEIGHTS[role], 0)).toBeCloseTo(1, 12);
  const all = [vote("developer", 1), vote("tester", 0.9), vote("reviewer", 0.8), vote("architect", 0.7)];
  expect(tallyOf(all, alike)).toMatchObject({ quorum: true, dissent: false, verdict: "auto_proceed" });
  expect(tallyOf(all, alike).score).toBeCloseTo(0.85, 12);
});

test.each<[what: string, votes: readonly Vote[], says: object]>([
  ["nobody", [], { score: null, quorum: false, dissent: false, verdict: "require_human" }],
  ["one voice", [vote("tester", 1)], { quorum: false, verdict: "require_human" }],
  [
    "two testers: one role is no quorum",
    [vote("tester", 1), vote("tester", 1, { identity: "b" })],
    { quorum: false },
  ],
  ["developer and architect: .4", [vote("developer", 1), vote("architect", 1)], { quorum: false }],
  [
    "tester and developer: .5",
    [vote("tester", 1), vote("developer", 1)],
    { quorum: true, verdict: "auto_proceed" },
  ],
  [
    "the threshold itself is not above it",
    ROLES.map((role) => vote(role, 0.8)),
    { verdict: "request_review", score: 0.8 },
  ],
  [
    "half against half",
    [vote("tester", 1), vote("reviewer", 0.5)],
    { quorum: true, dissent: true, verdict: "require_human" },
  ],
  ["nearly half", [vote("tester", 1), vote("reviewer", 0.51)], { dissent: false, verdict: "request_review" }],
  [
    "a veto against three",
    [vote("tester", 1), vote("reviewer", 1), vote("developer", 1), vote("architect", 1, { veto: true })],
    { dissent: true, verdict: "block", vetoes: ["self:architect"] },
  ],
  ["a lone veto", [vote("tester", 0, { veto: true })], { dissent: false, verdict: "block" }],
  [
    "abstentions are no votes",
    [vote("tester", 1), vote("reviewer", 0, { abstain: true })],
    { quorum: false, dissent: false, voters: 1, abstained: 1, score: 1 },
  ],
  [
    "one self-declared name makes it advice",
    [vote("tester", 1), vote("reviewer", 1, { attested: "self" })],
    { advisory: true },
  ],
  ["tokens do not", [vote("tester", 1), vote("reviewer", 1)], { advisory: false }],
])("%s", (_what, votes, says) => {
  expect(tallyOf(votes, alike)).toMatchObject(says);
});

test("more voters of one role do not make the role louder; who was wrong before is", () => {
  const many = Array.from({ length: 9 }, (_, i) => vote("tester", 1, { identity: `t${i}` }));
  const against = vote("reviewer", 0.6);
  expect(tallyOf([...many, against], alike).score).toBeCloseTo(0.8, 12);
  const quiet = (identity: string): number => (identity === "self:reviewer" ? 0.1 : 1);
  expect(tallyOf([...many, against], quiet).score).toBeGreaterThan(0.95);
});

test("the score lies between the lowest and the highest vote, and raising one never lowers it", () => {
  const voter = fc.record({
    role: fc.constantFrom(...ROLES),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
    weight: fc.double({ min: 0.1, max: 1.5, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(voter, { minLength: 1, maxLength: 8 }), fc.nat(7), (voters, pick) => {
      const votes = voters.map(({ role, score }, i) => vote(role, score, { identity: `${i}` }));
      const weightOf = (identity: string): number => voters[Number(identity)]?.weight ?? 1;
      const { score } = tallyOf(votes, weightOf);
      const scores = votes.map((each) => each.score);
      expect(score).toBeGreaterThanOrEqual(Math.min(...scores) - 1e-8);
      expect(score).toBeLessThanOrEqual(Math.max(...scores) + 1e-8);
      const raised = votes.map((each, i) => (i === pick % votes.length ? { ...each, score: 1 } : each));
      expect(tallyOf(raised, weightOf).score).toBeGreaterThanOrEqual((score ?? 0) - 1e-8);
    }),
    { seed: 9, numRuns: 200 },
  );
});

test("a voter's word is worth what it foretold", () => {
  const past = (n: number, score: number, goodShare: number) =>
    Array.from({ length: n }, (_, i) => ({ score, wentWell: i < n * goodShare }));
  expect(weightFromPast([])).toBeCloseTo(1, 12);
  expect(weightFromPast(past(100, 0.95, 0.95))).toBeGreaterThan(1.2);
  // Always .99, and every second time it went wrong.
  expect(weightFromPast(past(100, 0.99, 0.5))).toBe(0.1);
  expect(weightFromPast(past(1, 0, 1))).toBeGreaterThan(0.6);
  expect(weightFromPast(past(1_000, 1, 1))).toBeLessThanOrEqual(1.5);
});

test.each<[string, string, boolean]>([
  ["Ann Lee <ann@example.com>", "ann@example.com", true],
  ["Ann Lee <ann@example.com>", "ann", true],
  ["Ann Lee <ann@example.com>", "ANN  lee", true],
  ["Ann Lee <ann@example.com>", "ann-lee", true],
  ["<ann@example.com>", "ann", true],
  ["1234+ann@users.noreply.example.com", "ann", true],
  ["ann", "a\u200bn\u00adn\ufe0f", true],
  ["ann", "\uff41nn", true],
  ["ann@example.com", "ann@example.org", false],
  ["Ann Lee <ann@example.com>", "lee", false],
  ["ann", "anna", false],
  ["", "", false],
])("%j and %j are one person: %s", (a, b, isSame) => {
  expect(isSamePerson(a, b)).toBe(isSame);
  expect(isSamePerson(b, a)).toBe(isSame);
});

test("a principal is called by its bare name", () => {
  expect(["token:ann", "user:ann", "self:ann", "ann"].map(bareName)).toEqual(["ann", "ann", "ann", "ann"]);
});
