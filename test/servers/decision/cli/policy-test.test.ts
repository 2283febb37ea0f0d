import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { policyTest } from "../../../../servers/decision/cli/policy-test.ts";
import { openForTest, type OpenDecision } from "../open.ts";

let server: OpenDecision;
beforeAll(async () => {
  server = await openForTest();
  const decide = (confidence: number) =>
    server.must("decide", { action: "merge", facts: { coverage: 0.9, complexity: 0.1 }, confidence });
  // A millisecond apart: ids of one millisecond have no order among themselves.
  for (const confidence of [0.95, 0.95, 0.1, 0.8]) {
    await decide(confidence);
    server.pass(1);
  }
});
afterAll(() => server.close());

async function run(
  ...argv: string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await policyTest([...argv, "--home", server.home], {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    env: {},
    cwd: server.home,
    terminal: undefined,
    signal: new AbortController().signal,
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

function policy(tests: string): string {
  const text = `name: mine
guards:
  - { id: doubtful, when: "!(confidence > 0.9)", verdict: require_human, because: nobody is sure }
ladder:
  - { id: all, when: true, verdict: auto_proceed, because: why not }
otherwise: { verdict: request_review, because: else }
tests: ${tests}
`;
  const file = join(server.home, "mine.yaml");
  writeFileSync(file, text);
  return file;
}

test("a policy whose tests pass: what it would have altered, rule by rule", async () => {
  const file = policy("[{ name: sure, known: { confidence: 1 }, expect: auto_proceed, fires: [all] }]");
  const { code, out } = await run(file);
  expect(code).toBe(0);
  expect(out).toMatch(
    /^mine: 1 of 1 tests pass\nwould have altered 4 of the last 4 decisions: 2 stricter, 2 milder\n/,
  );
  expect(out).toMatch(/\n {2}dec_\w+ {2}proceed_with_monitoring -> require_human \(doubtful\)/);
  expect((await run(file, "--replay", "1")).out).toMatch(
    /altered 1 of the last 1 decisions: 1 stricter, 0 milder\n {2}dec_\w+ {2}proceed_with_monitoring -> require_human/,
  );
  expect((await run(file, "--replay", "2")).out).toContain("2 of the last 2 decisions: 2 stricter, 0 milder");
  expect((await run(file, "--replay", "3")).out).toContain("3 of the last 3 decisions: 2 stricter, 1 milder");
});

test("a test that fails says what came instead, and the exit code does, too", async () => {
  const file = policy(
    "[{ name: sure, known: { confidence: 1 }, expect: block }, { name: unsure, known: { confidence: 0 }, expect: require_human, fires: [doubt] }]",
  );
  const { code, out } = await run(file);
  expect(code).toBe(1);
  expect(out).toContain("FAIL  sure: says auto_proceed by all, not block");
  expect(out).toContain("FAIL  unsure: doubt did not fire, but doubtful, all");
  const json: unknown = JSON.parse((await run(file, "--json")).out);
  expect(json).toMatchObject({ policy: "mine", tests: 2, failures: [{ test: "sure" }, { test: "unsure" }] });
});

test("the policy in force alters nothing that it decided", async () => {
  expect((await run("balanced")).out).toContain("would have altered 0 of the last 4 decisions");
});

test("what is no policy ends with one line", async () => {
  writeFileSync(join(server.home, "torn.yaml"), "name: [");
  expect(await run("torn.yaml")).toMatchObject({
    code: 2,
    out: "",
    err: expect.stringMatching(/^error: torn.yaml: .*not YAML/),
  });
  expect(await run("nowhere.yaml")).toMatchObject({
    code: 2,
    err: expect.stringContaining("there is no policy"),
  });
  writeFileSync(join(server.home, "long.yaml"), "#".repeat(40_000));
  expect(await run("long.yaml")).toMatchObject({ code: 2, err: expect.stringContaining("at most") });
  expect(await run()).toMatchObject({ code: 2, err: expect.stringContaining("which policy?") });
  expect(await run("balanced", "--replay", "x")).toMatchObject({ code: 2 });
});
