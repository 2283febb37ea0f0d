import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { openForTest, type OpenDecision } from "../open.ts";
import { makeRepository, type Repository } from "../repository.ts";

const Assessed = z.object({
  assessment_id: z.string(),
  risk: z.number(),
  interval: z.tuple([z.number(), z.number()]),
  level: z.string(),
  factors: z.array(
    z.object({
      name: z.string(),
      value: z.number().nullable(),
      contribution: z.number(),
      known: z.boolean(),
      source: z.string(),
    }),
  ),
  model: z.object({ name: z.string(), version: z.string(), trained_on: z.string() }),
  metrics: z.record(z.string(), z.number().nullable()).optional(),
  advice: z.array(z.string()),
});

// One for all: every test looks from `base` to what the tests before it committed.
let repo: Repository;
let server: OpenDecision;
let base: string;
beforeAll(async () => {
  repo = makeRepository();
  server = await openForTest([repo.path]);
  repo.write("src/a.ts", "a\n".repeat(50));
  repo.write("package.json", "{}\n");
  base = repo.commit("first", "bob@example.com");
  repo.write("src/a.ts", "a\n".repeat(60));
  repo.commit("second");
});
afterAll(async () => {
  await server.close();
  repo.remove();
});

async function assess(args: Record<string, unknown> = {}): Promise<z.output<typeof Assessed>> {
  return Assessed.parse(
    await server.must("assess_risk", { action: "merge", repo: repo.path, base, head: "HEAD", ...args }),
  );
}

test("measures a real range: fourteen metrics, five factors that sum to the risk, and says what it does not know", async () => {
  const answer = await assess();
  expect(Object.keys(answer.metrics ?? {})).toEqual([
    "ns",
    "nd",
    "nf",
    "entropy",
    "la",
    "ld",
    "lt",
    "fix",
    "ndev",
    "age",
    "nuc",
    "exp",
    "rexp",
    "sexp",
  ]);
  expect(answer.metrics).toMatchObject({ nf: 1, la: 10, ld: 0, lt: 50, nuc: 1, ndev: 1, exp: 0 });
  expect(answer.factors.map((factor) => factor.name)).toEqual([
    "complexity",
    "test_coverage",
    "dependency_changes",
    "historical_stability",
    "impact_radius",
  ]);
  expect(answer.factors.reduce((sum, factor) => sum + factor.contribution, 0)).toBeCloseTo(answer.risk, 12);
  expect(answer.factors[1]).toMatchObject({ known: false, value: null, source: "unknown" });
  // 10 lines of half point 200, one folder, (1/51 + 1/6) / 2, one file of half point 5.
  const [complexity, history, impact] = [10 / 210, (1 / 51 + 1 / 6) / 2, 1 / 6];
  expect(answer.risk).toBeCloseTo((0.2 * complexity + 0.15 * history + 0.15 * impact) / 0.7, 12);
  expect(answer.interval[1] - answer.interval[0]).toBeCloseTo(0.3, 12);
  expect(answer.level).toBe("low");
  expect(answer.model.name).toBe("weighted_formula");
  expect(answer.advice.join()).toContain("coverage is not known");
});

test("a larger change, and one that touches a manifest, has a higher risk", async () => {
  const small = await assess();
  repo.write("package.json", '{"dependencies":{}}\n');
  for (let i = 0; i < 6; i += 1) repo.write(`lib${i}/x.ts`, "x\n".repeat(80));
  repo.commit("large");
  const large = await assess();
  expect(large.risk).toBeGreaterThan(small.risk + 0.2);
  expect(large.advice.join()).toContain("split the work");
});

test("what the caller claims can raise the risk and never lowers it", async () => {
  const plain = await assess();
  const rosy = await assess({
    facts: { coverage: 1, complexity: 0, impact_radius: 0, dependencies_changed: 0, historical_stability: 1 },
  });
  expect(rosy.risk).toBe(plain.risk);
  expect(rosy.interval).toEqual(plain.interval);
  expect(rosy.advice.join()).toContain("claims never lower");
  const worried = await assess({ facts: { complexity: 0.9 } });
  expect(worried.risk).toBeGreaterThan(plain.risk);
  expect(worried.factors[0]).toMatchObject({ value: 0.9, source: "claimed" });
});

test("a coverage report raises a risk and lowers none; a broken export waits for a person", async () => {
  repo.write("index.js", "export function used(a) {}\n");
  repo.write("package.json", '{"name":"x","main":"index.js"}\n');
  repo.commit("a package");
  repo.write("index.js", "export function used(a, b) {}\n");
  repo.commit("another argument");
  const range = { base: "HEAD~1" };
  const plain = await assess(range);
  expect(plain.advice.join()).toContain("breaks others: used of index.js takes 2 arguments at least");
  expect(
    await server.must("decide", { action: "merge", assessment_id: plain.assessment_id, confidence: 0.95 }),
  ).toMatchObject({
    verdict: "require_human",
    rules_fired: expect.arrayContaining(["breaking_api_changes"]),
    escalations: [expect.any(String)],
  });
  repo.write("lcov.info", "SF:index.js\nDA:1,1\nend_of_record\n");
  expect(await assess(range)).toMatchObject({ risk: plain.risk, interval: plain.interval });
  repo.write("lcov.info", "SF:index.js\nDA:1,0\nend_of_record\n");
  const uncovered = await assess({ ...range, facts: { coverage: 1, breaking_api_changes: 0 } });
  expect(uncovered.risk).toBeGreaterThan(plain.risk + 0.2);
  expect(uncovered.advice.join()).toContain("0 of 1 changed lines are run, says lcov.info");
  expect(uncovered.advice.join()).toContain("breaks others");
  rmSync(join(repo.path, "lcov.info"));
});

test("an empty range is said to be empty", async () => {
  const answer = await assess({ base: "HEAD" });
  expect(answer.metrics).toMatchObject({ nf: 0, la: 0 });
  expect(answer.advice.join()).toContain("nothing to land");
});

test("without a repository the formula runs over the claims, and the answer says so", async () => {
  const answer = Assessed.parse(
    await server.must("assess_risk", {
      action: "deploy",
      facts: { coverage: 0.8, complexity: 0.5, moon_phase: "full" },
    }),
  );
  expect(answer.risk).toBeCloseTo((0.2 * 0.5 + 0.3 * 0.2) / 0.5, 12);
  expect(answer.metrics).toBeUndefined();
  expect(answer.advice.join()).toContain("nothing was measured");
  expect(answer.advice.join()).toContain("moon_phase");
});

test.each<[what: string, args: Record<string, unknown>, message: RegExp]>([
  ["a share above one", { facts: { coverage: 1.5 } }, /facts.coverage must be a number from 0 to 1/],
  ["a negative count", { facts: { impact_radius: -1 } }, /facts.impact_radius must be a whole number from 0/],
  [
    "half a dependency",
    { facts: { dependencies_changed: 0.5 } },
    /facts.dependencies_changed must be a whole number/,
  ],
  ["a count as text", { facts: { tests_failed: "3" } }, /facts.tests_failed must be a whole number/],
  [
    "a count beyond all numbers",
    { facts: { tests_failed: 1e300 } },
    /facts.tests_failed must be a whole number/,
  ],
  ["a list as a fact", { facts: { coverage: [1] } }, /coverage/],
  ["an unknown action", { action: "dance" }, /merge/],
  ["a head that is an option", { head: "--all" }, /start with '-'/],
  ["a relative repository", { repo: "." }, /not absolute/],
  ["a repository outside the roots", { repo: "/" }, /outside the allowed roots/],
  ["an unknown base", { base: "nowhere" }, /no commit named nowhere/],
])("%s is refused, and nothing is stored", async (_what, args, message) => {
  const before = await server.store.events({ after: 0, limit: 100 });
  const answer = await server.call("assess_risk", { action: "merge", repo: repo.path, base, ...args });
  expect(answer.ok).toBe(false);
  expect(JSON.stringify(answer)).toMatch(message);
  expect(await server.store.events({ after: 0, limit: 100 })).toEqual(before);
});

test("nothing to assess, and a base without a repository, are refused", async () => {
  expect(await server.call("assess_risk", { action: "merge" })).toMatchObject({
    ok: false,
    error: { code: "invalid", message: "there is nothing to assess" },
  });
  expect(await server.call("assess_risk", { action: "merge", base: "main" })).toMatchObject({
    ok: false,
    error: { code: "invalid" },
  });
});

test("a retry with the same key gives the same assessment and one event", async () => {
  const before = await server.store.events({ after: 0, limit: 500 });
  const first = await assess({ idempotency_key: "k" });
  expect(await assess({ idempotency_key: "k" })).toEqual(first);
  const events = await server.store.events({ after: before.at(-1)?.seq ?? 0, limit: 10 });
  expect(events.map((event) => [event.type, event.subject])).toEqual([
    ["risk.assessed", first.assessment_id],
  ]);
});
