import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DomainError } from "../../../../kernel/errors.ts";
import { readExpression } from "../../../../servers/decision/adapters/cel.ts";
import {
  closedPolicy,
  configuredPolicy,
  readPolicy,
  SHIPPED,
  shippedPolicy,
} from "../../../../servers/decision/adapters/policy-file.ts";
import { holds, namesIn, type Known } from "../../../../servers/decision/domain/expression.ts";
import { DERIVED, FACT_NAMES, FACTS } from "../../../../servers/decision/domain/facts.ts";
import { applyPolicy, severity, VERDICTS, type Tier } from "../../../../servers/decision/domain/policy.ts";
import { failureOf } from "../../../../servers/decision/domain/policy-tests.ts";
import { fuzzPolicies } from "../policy-fuzz.ts";

const ask = (text: string, known: Known): boolean | null => holds(readExpression(text), known);

test.each<[text: string, known: Known, answer: boolean | null]>([
  ["test_failure_rate > 20%", { test_failure_rate: 0.21 }, true],
  ["test_failure_rate > 20%", { test_failure_rate: 0.2 }, false],
  ["test_failure_rate > 12.5%", { test_failure_rate: 0.126 }, true],
  ["tests_failed", { tests_failed: 1 }, true],
  ["tests_failed", { tests_failed: 0 }, false],
  ["breaking_api_changes == true", { breaking_api_changes: 3 }, true],
  ["risk < 0.5 && !critical", { risk: 0.1, critical: 0 }, true],
  ["risk > 0.5 ? critical > 0 : confidence > 0.5", { risk: 0.1, confidence: 0.6 }, true],
  ["risk * 2 - 1 >= -(0.5) / 1", { risk: 0.25 }, true],
  ["tests_failed in [1, 2]", { tests_failed: 2 }, true],
  ["action == 'merge'", {}, null],
])("%s with %j is %s", (text, known, answer) => {
  expect(ask(text, known)).toBe(answer);
});

test.each<[text: string, known: Known, answer: boolean | null]>([
  ["risk > 0.5", {}, null],
  ["risk > 0.5", { risk: null }, null],
  ["!(risk > 0.5)", { risk: null }, null],
  ["risk > 0.5 || critical", { risk: null, critical: 1 }, true],
  ["risk > 0.5 || critical", { risk: null, critical: 0 }, null],
  ["risk > 0.5 && critical", { risk: null, critical: 0 }, false],
  ["critical && risk > 0.5", { risk: null, critical: 1 }, null],
  ["risk == risk", {}, null],
  ["confidence / risk > 1", { confidence: 1, risk: 0 }, null],
  ["risk > 0.5 ? critical : critical", { critical: 1 }, true],
  ["risk > 0.5 ? critical : tests_failed", { critical: 1 }, null],
  ["unknown(risk)", { risk: null }, true],
  ["unknown(risk)", {}, false],
  ["missing(risk)", {}, true],
  ["missing(risk)", { risk: 0 }, false],
  ["tests_failed in [1, 2]", {}, null],
])("what is not known makes %s with %j %s", (text, known, answer) => {
  expect(ask(text, known)).toBe(answer);
});

const HOSTILE: readonly (readonly [what: string, text: string])[] = [
  ["nothing", ""],
  ["a half", "risk >"],
  ["a member", "risk.constructor"],
  ["a member in brackets", 'risk["constructor"]'],
  ["a prototype", "__proto__"],
  ["an inherited name", "constructor"],
  ["another inherited name", "toString > 0"],
  ["a loop", "[1, 2].all(x, x > 1)"],
  ["a method", "'a'.matches('(a+)+$')"],
  ["a constructor's call", "constructor('return process')()"],
  ["a function", "size('aaa') > 2"],
  ["a fact that nobody knows", "test_failure_rat > 20%"],
  ["a remainder", "risk % 2 > 1"],
  ["a text", "'merge'"],
  ["a comparison of kinds", "risk > 'a'"],
  ["a sum of texts", "'a' + 'b' == 'ab'"],
  ["a map", "{'a': 1}"],
  ["nothing known", "null"],
  ["a percent of nothing", "risk > %"],
  ["depth", `${"(".repeat(900)}risk${")".repeat(900)}`],
  ["negations", `${"!".repeat(1_900)}critical`],
  ["length", `${"risk > 0.1 && ".repeat(7_000)}critical`],
  ["a long list", `tests_failed in [${"1,".repeat(900)}1]`],
];

test.each(HOSTILE)("a condition of %s is refused, in our own words", (_what, text) => {
  try {
    readExpression(text);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(DomainError);
    expect(String(error)).not.toMatch(/\n|ParseError|at .*\.js/);
  }
});

const document = (guard: string): string =>
  `name: mine\nguards:\n${guard}\notherwise: { verdict: request_review, because: else }\n`;
const rule = (lines: string): string => `  - { id: one, verdict: block, because: so, ${lines} }`;

test.each<[what: string, text: string, says: RegExp]>([
  ["is not YAML", "name: [", /not YAML/],
  ["is empty", "", /its top/],
  ["is a list", "- 1", /its top/],
  ["is 100 kB long", document(rule("when: critical")).padEnd(100_000, "# "), /at most 32768 bytes/],
  ["has an unknown key", `${document(rule("when: critical"))}extra: 1\n`, /its top/],
  ["has an unknown key in a rule", document(rule("when: critical, wenn: 1")), /guards\.0/],
  [
    "has an unknown verdict",
    document("  - { id: one, verdict: allow, because: so, when: critical }"),
    /verdict/,
  ],
  ["names an unknown fact", document(rule("when: test_failure_rat > 20%")), /rule one: there is no fact/],
  ["reaches for a prototype", document(rule("when: risk.__proto__")), /rule one/],
  ["has two rules of one name", document(`${rule("when: critical")}\n${rule("when: risk")}`), /two rules/],
  ["lacks its otherwise", "name: mine\n", /otherwise/],
  ["has aliases", `a: &a [1]\nb: *a\n${document(rule("when: critical"))}`, /plain YAML/],
  ["is a bomb", `a: &a [1]\nb: &b [*a, *a]\nc: [*b, *b]\n`, /plain YAML/],
  ["is deep", "[".repeat(30), /plain YAML/],
  ["opens quotes", `"\\\\`.repeat(10_000), /./],
  ["has 20,000 parts", "a:\n".repeat(10_000), /too many parts/],
  ["has 800 keys in one map", "a:\n".repeat(800), /too many parts in a row/],
  ["has 800 explicit keys", "? a\n".repeat(800), /too many parts in a row/],
  ["has 900 keys in one line", `{${"a: ,".repeat(900)}}`, /too many parts in a row/],
  ["has 1,500 quotes in one line", '"'.repeat(1_500), /too many parts in a row/],
  [
    "tests what is no fact",
    `${document(rule("when: critical"))}tests: [{ name: t, known: { x: 1 }, expect: block }]`,
    /tests\.0/,
  ],
])("a policy that %s is refused and says where", (_what, text, says) => {
  expect(() => readPolicy(text)).toThrow(says);
});

test("a comment changes nothing, whatever it says", () => {
  const text = `# note: see: "this [[[[[[[[ and that's &it\n${document(rule("when: critical"))}# end: of: it\n`;
  expect(readPolicy(text).policy.source).toEqual(readPolicy(document(rule("when: critical"))).policy.source);
});

test("a key of slipway.yaml that nobody knows is refused: it may be a misspelt one", () => {
  const project = mkdtempSync(join(tmpdir(), "slipway-settings-"));
  const policyOf = (text: string): string | null => {
    writeFileSync(join(project, "slipway.yaml"), text);
    return configuredPolicy(project);
  };
  expect(policyOf("# which: one: of them\npolicy: no_compromise # strict: yes\n")).toBe("no_compromise");
  expect(policyOf("")).toBeNull();
  expect(policyOf("autonomy: 2\nmcpServers: { a: { command: b } }\n")).toBeNull();
  expect(() => policyOf("policyy: no_compromise\n")).toThrow("there is no key policyy");
  expect(() => policyOf("policy: [1]\n")).toThrow("policy must be a name or a file");
  rmSync(project, { recursive: true, force: true });
});

test("whatever a policy's text is, it is refused or it gives a verdict; nothing is reached", () => {
  expect(fuzzPolicies({ seed: 7, runs: 150 })).toMatchObject({ escapes: [], runs: 150 });
});

test("in the place of a policy that cannot be used a person decides everything", () => {
  for (const action of ["merge", "plan"] as const)
    expect(applyPolicy(closedPolicy("it is torn"), action, { risk: 0, confidence: 1 })).toMatchObject({
      verdict: "require_human",
      reasons: ["the policy cannot be used: it is torn"],
    });
});

describe.each(SHIPPED)("the policy %s", (name) => {
  const { policy, tests } = shippedPolicy(name);

  test.each(tests.map((each) => [each.name, each] as const))("%s", (_name, each) => {
    expect(failureOf(policy, each)).toBeNull();
  });

  test("has tests for the mildest and for a strict verdict, and no rule without a reason", () => {
    expect(tests.map((each) => each.expect)).toEqual(
      expect.arrayContaining(["auto_proceed", "require_human"]),
    );
    expect(policy.source.name).toBe(name);
  });

  test("more risk, less confidence or less knowledge never gives a milder verdict", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.tuple(share, share, share, share),
        fc.constantFrom("risk", "confidence", "known_weight"),
        ([risk, confidence, weight, by], worse) => {
          const known: Record<string, number> = { risk, confidence, known_weight: weight, tests_failed: 0 };
          const before = known[worse] ?? 0;
          const after = { ...known, [worse]: worse === "risk" ? before + (1 - before) * by : before * by };
          expect(severity(applyPolicy(policy, "merge", after).verdict)).toBeGreaterThanOrEqual(
            severity(applyPolicy(policy, "merge", known).verdict),
          );
        },
      ),
      { seed: 3, numRuns: 60 },
    );
  });
});

/** The twelve, with the least that makes each fire and the most that does not. */
const TRIGGERS: readonly (readonly [
  tier: Tier,
  rule: string,
  fact: string,
  fires: number,
  silent: number,
])[] = [
  ["immediate", "security_vulnerability_detected", "security_vulnerability_detected", 1, 0],
  ["immediate", "production_outage", "production_outage", 1, 0],
  ["immediate", "data_loss_risk", "data_loss_risk", 1, 0],
  ["immediate", "legal_compliance_issue", "legal_compliance_issue", 1, 0],
  ["high", "many_tests_fail", "test_failure_rate", 0.201, 0.2],
  ["high", "deployment_risk_score", "deployment_risk_score", 0.801, 0.8],
  ["high", "breaking_api_changes", "breaking_api_changes", 1, 0],
  ["high", "performance_degradation", "performance_degradation", 0.501, 0.5],
  ["standard", "code_review_disagreement", "code_review_disagreement", 1, 0],
  ["standard", "architectural_decision_needed", "architectural_decision_needed", 1, 0],
  ["standard", "unfamiliar_technology_stack", "unfamiliar_technology_stack", 1, 0],
  ["standard", "edge_case_uncertainty", "edge_case_uncertainty", 1, 0],
];
const WITH_TRIGGERS = ["balanced", "no_compromise", "fast_iteration"] as const;

describe.each(WITH_TRIGGERS)("%s escalates", (name) => {
  const { policy } = shippedPolicy(name);
  const safe = { risk: 0, confidence: 1, known_weight: 1, critical: 0 };

  test.each(TRIGGERS)("%s: %s", (tier, id, fact, fires, silent) => {
    const told = applyPolicy(policy, "plan", { ...safe, [fact]: fires });
    expect(told.triggers).toContainEqual(expect.objectContaining({ rule: id, tier }));
    expect(severity(told.verdict)).toBeGreaterThanOrEqual(
      severity(tier === "standard" ? "request_review" : "require_human"),
    );
    expect(applyPolicy(policy, "plan", { ...safe, [fact]: silent }).triggers).toEqual([]);
    expect(applyPolicy(policy, "plan", safe).triggers).toEqual([]);
  });
});

test("every fact that a shipped rule reads is a caller's with a producer on record, or the server's own", () => {
  const read = SHIPPED.flatMap((name) => {
    const { guards, ladder } = shippedPolicy(name).policy;
    return [...guards, ...ladder].flatMap((each) => namesIn(each.condition));
  });
  const names: readonly string[] = FACT_NAMES;
  for (const name of new Set(read)) expect(names.includes(name) || name in DERIVED).toBe(true);
  expect([...FACT_NAMES].toSorted()).toEqual(Object.keys(FACTS).toSorted());
  // What nobody in Slipway can know: it stays unknown, and fires only where a caller claims it.
  expect(FACT_NAMES.filter((name) => FACTS[name].producer === null)).toEqual([
    "production_outage",
    "data_loss_risk",
    "legal_compliance_issue",
  ]);
  expect(VERDICTS.length).toBe(5);
});
