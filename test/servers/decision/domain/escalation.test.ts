import fc from "fast-check";
import { expect, test } from "vitest";
import {
  absorbs,
  acknowledged,
  DEADLINE_MS,
  escalationAt,
  raisedAgain,
  type Escalation,
} from "../../../../servers/decision/domain/escalation.ts";
import { TIERS, type Tier } from "../../../../servers/decision/domain/policy.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function raisedAt(now: number, tier: Tier): Escalation {
  return {
    id: "esc_1",
    key: "k",
    subject: "s",
    reason: "r",
    rule: null,
    decisionId: null,
    tier,
    state: "open",
    raisedBy: "local",
    raisedAt: now,
    deadline: now + DEADLINE_MS[tier],
    times: 1,
    missed: 0,
    acknowledgedBy: null,
    channel: null,
    acknowledgedAt: null,
  };
}

test.each<[tier: Tier, after: number, becomes: Tier, deadline: number, missed: number]>([
  ["standard", 24 * HOUR - 1, "standard", 24 * HOUR, 0],
  ["standard", 24 * HOUR, "high", 28 * HOUR, 1],
  ["standard", 28 * HOUR, "immediate", 28 * HOUR + 15 * MINUTE, 2],
  ["immediate", 15 * MINUTE, "immediate", 30 * MINUTE, 1],
  ["immediate", 75 * MINUTE, "immediate", 90 * MINUTE, 5],
])("%s, unseen for %i ms, is %s", (tier, after, becomes, deadline, missed) => {
  expect(escalationAt(raisedAt(0, tier), after)).toMatchObject({ tier: becomes, deadline, missed });
});

test("looking in between changes nothing about where it ends, and it never grows milder", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...TIERS),
      fc.array(fc.integer({ min: 0, max: 100 * HOUR }), { minLength: 1, maxLength: 5 }),
      (tier, times) => {
        const looks = times.toSorted((a, b) => a - b);
        const last = looks.at(-1) ?? 0;
        let seen = raisedAt(0, tier);
        for (const now of looks) {
          const next = escalationAt(seen, now);
          expect(TIERS.indexOf(next.tier)).toBeLessThanOrEqual(TIERS.indexOf(seen.tier));
          expect(next.deadline).toBeGreaterThan(now);
          seen = next;
        }
        expect(seen).toEqual(escalationAt(raisedAt(0, tier), last));
      },
    ),
    { seed: 5, numRuns: 200 },
  );
});

test("once seen it rests, takes in the same thing for its tier's time, and after that it is a new one", () => {
  const seen = acknowledged(raisedAt(0, "high"), "user:ann", "terminal", HOUR);
  expect(escalationAt(seen, 1_000 * HOUR)).toEqual(seen);
  expect(absorbs(seen, 5 * HOUR - 1)).toBe(true);
  expect(absorbs(seen, 5 * HOUR)).toBe(false);
});

test("raised again it counts; a more urgent call shortens the time and wakes what was seen, a milder one does neither", () => {
  const open = raisedAt(0, "high");
  expect(raisedAgain(open, "standard", HOUR)).toEqual({ ...open, times: 2 });
  expect(raisedAgain(open, "immediate", HOUR)).toMatchObject({
    tier: "immediate",
    deadline: HOUR + 15 * MINUTE,
    times: 2,
  });
  expect(raisedAgain(open, "immediate", 4 * HOUR - 1).deadline).toBe(4 * HOUR);
  const seen = acknowledged(open, "user:ann", "terminal", HOUR);
  expect(raisedAgain(seen, "high", 2 * HOUR)).toMatchObject({ state: "acknowledged" });
  expect(raisedAgain(seen, "immediate", 2 * HOUR)).toMatchObject({ state: "open", acknowledgedBy: null });
});
