import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { countedOf, OUTCOMES } from "../../../../servers/decision/domain/outcome.ts";
import { openForTest, type OpenDecision } from "../open.ts";

const DAY = 86_400_000;
const START = Date.UTC(2026, 5, 1);

let server: OpenDecision;
beforeEach(async () => {
  server = await openForTest([], START);
});
afterEach(() => server.close());

async function decision(
  facts: Record<string, unknown> = { coverage: 0.9, complexity: 0.2, impact_radius: 1 },
  confidence = 0.8,
): Promise<string> {
  return String((await server.must("decide", { action: "merge", facts, confidence }))["decision_id"]);
}

test("a success matures 90 days after the decision, a failure at once, the unknown never", async () => {
  const id = await decision();
  server.pass(DAY);
  expect(await server.must("record_outcome", { decision_id: id, outcome: "success", source: "ci" })).toEqual({
    matures_at: new Date(START + 90 * DAY).toISOString(),
    learned: false,
    version: 1,
    attested: "self",
  });
  expect(
    await server.must("record_outcome", { decision_id: id, outcome: "reverted", source: "git" }),
  ).toMatchObject({
    matures_at: new Date(START + DAY).toISOString(),
    version: 2,
    corrected: "success",
  });
  // Its own word does not take a bad end back: every version is kept, and the bad one counts.
  for (const [version, outcome] of [
    [3, "unknown"],
    [4, "success"],
  ] as const) {
    const told = await server.must("record_outcome", { decision_id: id, outcome, source: "human" });
    expect(told).toMatchObject({
      matures_at: new Date(START + DAY).toISOString(),
      version,
      corrected: expect.stringContaining("the reverted of version 2 keeps counting"),
    });
  }
  const lessons = await server.store.read((tx) =>
    tx.lessons({ now: server.now() + 200 * DAY, with: "verdict", limit: 9 }),
  );
  expect(lessons).toMatchObject([{ id, label: 1 }]);
});

test("an unknown outcome is never learned from", async () => {
  const id = await decision();
  await server.must("record_outcome", { decision_id: id, outcome: "success", source: "ci" });
  expect(
    await server.must("record_outcome", { decision_id: id, outcome: "unknown", source: "human" }),
  ).toMatchObject({ matures_at: null, corrected: "success" });
});

test("of an outcome's versions a token's word outweighs a local one, and a bad end a local good one", () => {
  const told = (...said: readonly string[]): string | undefined => {
    const versions = said.map((word, index) => {
      const [attested, outcome] = word.split(" ");
      return {
        ...{ decisionId: "dec_1", version: index + 1, source: "x", principal: "x", at: 0, recordedAt: 0 },
        ...{ maturesAt: 0, attested: attested === "token" ? ("token" as const) : ("self" as const) },
        outcome: OUTCOMES.find((name) => name === outcome) ?? "unknown",
      };
    });
    const counted = countedOf(versions);
    return counted === undefined ? undefined : said[counted.version - 1];
  };
  expect(told()).toBeUndefined();
  expect(told("token incident", "self success")).toBe("token incident");
  expect(told("token success", "self incident")).toBe("token success");
  expect(told("self incident", "self unknown", "self success")).toBe("self incident");
  expect(told("self incident", "self reverted")).toBe("self reverted");
  expect(told("self success", "self failure")).toBe("self failure");
  expect(told("self incident", "token success", "self failure")).toBe("token success");
  expect(told("token incident", "token success")).toBe("token success");
});

test("the same outcome again changes nothing", async () => {
  const id = await decision();
  const first = await server.must("record_outcome", { decision_id: id, outcome: "failure", source: "ci" });
  server.pass(DAY);
  expect(await server.must("record_outcome", { decision_id: id, outcome: "failure", source: "ci" })).toEqual(
    first,
  );
  expect((await server.store.events({ after: 0, limit: 50, types: ["outcome.recorded"] })).length).toBe(1);
});

test.each<[what: string, args: Record<string, unknown>, code: string]>([
  ["an outcome of the future", { at: new Date(START + 2 * DAY).toISOString() }, "invalid"],
  ["an outcome before its decision", { at: new Date(START - DAY).toISOString() }, "invalid"],
  ["an outcome of nothing", { decision_id: "dec_none" }, "not_found"],
])("%s is refused", async (_what, args, code) => {
  const decision_id = await decision();
  expect(
    await server.call("record_outcome", { decision_id, outcome: "success", source: "ci", ...args }),
  ).toMatchObject({ ok: false, error: { code } });
});

const Explained = z.object({
  trace: z.looseObject({
    risk: z.number(),
    confidence: z.number(),
    confidence_from: z.string(),
    facts: z.record(z.string(), z.number().nullable()),
  }),
  contributions: z.array(z.looseObject({ contribution: z.number() })),
  precedents: z.array(
    z.looseObject({ decision_id: z.string(), distance: z.number(), outcome: z.string().nullable() }),
  ),
  counterfactual: z.looseObject({ verdict: z.string(), factor: z.string() }).nullable(),
  alternatives: z.array(z.object({ verdict: z.string(), lacks: z.array(z.string()) })),
  outcomes: z.array(z.looseObject({ outcome: z.string() })),
});

const Change = z.object({ factor: z.string(), to: z.number(), verdict: z.string() });

test("explains a decision: contributions that sum, the nearest precedents with their outcome, and what would change it", async () => {
  const far = await decision({ coverage: 0, complexity: 1, impact_radius: 100 });
  const near = await decision({ coverage: 0.5, complexity: 0.4, impact_radius: 5 });
  await server.must("record_outcome", { decision_id: near, outcome: "incident", source: "human" });
  server.pass(DAY);
  const id = await decision({ coverage: 0.5, complexity: 0.5, impact_radius: 5 });
  server.pass(DAY);
  await decision({ coverage: 0.5, complexity: 0.5, impact_radius: 5 });

  const explained = Explained.parse(await server.must("explain_decision", { decision_id: id }));
  expect(explained.contributions.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(
    explained.trace.risk,
    9,
  );
  expect(explained.trace).toMatchObject({
    confidence: 0.8,
    confidence_from: "claimed",
    facts: { coverage: 0.5, complexity: 0.5, impact_radius: 5 },
  });
  // Only decisions made before it, the most similar first.
  expect(explained.precedents.map((past) => [past.decision_id, past.outcome])).toEqual([
    [near, "incident"],
    [far, null],
  ]);
  const { factor, to, verdict } = Change.parse(explained.counterfactual);
  expect([factor, verdict]).toEqual(["coverage", "proceed_with_monitoring"]);
  // It flips when it is asked again.
  const facts = { coverage: 0.5, complexity: 0.5, impact_radius: 5, [factor]: to };
  expect(await server.must("decide", { action: "merge", facts, confidence: 0.8 })).toMatchObject({ verdict });
  expect(explained.alternatives[0]).toEqual({
    verdict: "auto_proceed",
    lacks: [
      "confidence > 0.9 (is 0.8)",
      "risk < 0.2 (is 0.5)",
      "not budget_unproven: outcomes so far do not show that any risk stays inside the budget",
    ],
  });
});

test("explains with the policy that decided, and refuses what it does not know", async () => {
  const id = await decision();
  expect(await server.must("explain_decision", { decision_id: id })).toMatchObject({
    verdict: "proceed_with_monitoring",
    outcomes: [],
  });
  expect(await server.call("explain_decision", { decision_id: "dec_none" })).toMatchObject({
    ok: false,
    error: { code: "not_found" },
  });
});
