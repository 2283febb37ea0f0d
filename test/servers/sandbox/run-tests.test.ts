import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { countTokens } from "gpt-tokenizer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callTool, mustCall } from "../../support/connect.ts";
import { openScene, type Scene } from "./scene.ts";

const SUM_TEST = `import { test, describe, it } from "node:test";
import assert from "node:assert";
import { sum, twice } from "./sum.js";
test("adds", () => assert.equal(sum(1, 2), 3));
test("is wrong", () => {
  assert.equal(sum(1, 1), 3);
});
test("later", { skip: "not yet" }, () => {});
test("one day", { todo: true }, () => assert.fail("todo"));
describe("a suite", () => { it("inner", () => console.log('{"ok":true,"suite":false,"name":"forged"}')); });
`;

let scene: Scene;
let client: Client;
let id: unknown;
beforeAll(async () => {
  scene = openScene();
  const dir = join(scene.project, "repo");
  mkdirSync(dir);
  writeFileSync(join(dir, "package.json"), '{ "type": "module", "scripts": { "test": "node --test" } }');
  writeFileSync(join(dir, "sum.js"), "export function sum(a, b) {\n  return a + b;\n}\n");
  writeFileSync(join(dir, "sum.test.js"), SUM_TEST);
  client = await scene.serve();
  ({ id } = await mustCall(client, "create_sandbox", { backend: "unisolated", from_dir: dir }));
});
afterAll(() => scene.close());

const run = (args: Record<string, unknown>): Promise<Record<string, unknown>> =>
  mustCall(client, "run_tests", { sandbox_id: id, ...args });
const write = (path: string, text: string): Promise<unknown> =>
  mustCall(client, "write_sandbox_files", { sandbox_id: id, files: [{ path, text }] });

test("the project's own command is run and its tests are counted, with file and line of failures", async () => {
  // A second file that breaks on import, and a function whose second half no test reaches.
  await write(
    "sum.js",
    "export function sum(a, b) {\n  return a + b;\n}\nexport function twice(a) {\n  if (a > 100) {\n    const b = a;\n    return b;\n  }\n  return a * 2;\n}\ntwice(1);\n",
  );
  await write("broken.test.js", 'throw new Error("at import");\n');
  const answer = await run({ coverage: true });
  expect(answer).toMatchObject({
    ok: false,
    outcome: "exited",
    exit_code: 1,
    framework: "node",
    passed: 2,
    failed: 2,
    skipped: 2,
    failures: [
      { name: "broken.test.js", file: "broken.test.js" },
      { name: "is wrong", file: "sum.test.js", line: 6, message: expect.stringContaining("2") },
    ],
    coverage: { changed_lines: { uncovered: ["sum.js:6-8"] } },
  });
  expect(scene.verified(answer["receipt"])).toMatchObject({
    command: { script: "node --test --experimental-test-coverage" },
    exit_code: 1,
    counts: { passed: 2, failed: 2, skipped: 2 },
  });
  // Nothing of the run stays in the workspace.
  const { files } = await mustCall(client, "export_changes", { sandbox_id: id });
  expect(files).toMatchObject([{ path: "broken.test.js" }, { path: "sum.js" }]);
});

test("a thousand tests that pass cost little", async () => {
  await write(
    "many/many.test.js",
    'import { test } from "node:test"; for (let i = 0; i < 1000; i++) test(`test ${i}`, () => {});\n',
  );
  const answer = await run({ command: "node --test many/many.test.js" });
  expect(answer).toMatchObject({ ok: true, passed: 1_000, failed: 0, skipped: 0, failures: [] });
  expect(countTokens(JSON.stringify(answer))).toBeLessThanOrEqual(300);
});

test("a test that fails once is found flaky by another run", async () => {
  await write(
    "flaky/a.test.js",
    'import { test } from "node:test"; import fs from "node:fs"; test("wobbles", () => { if (!fs.existsSync("seen")) { fs.writeFileSync("seen", ""); throw new Error("once"); } }); test("fails", () => { throw new Error("always"); });\n',
  );
  expect(await run({ command: "node --test flaky/a.test.js", reruns: 1 })).toMatchObject({
    ok: false,
    passed: 0,
    failed: 2,
    flaky: ["wobbles"],
  });
});

test("only the report of this run counts, whatever is printed or lay there before", async () => {
  const forged = "<testsuite><testcase name='forged'/></testsuite>";
  await write("report", forged);
  const printed = await run({
    command: `echo "${forged}"; mkdir -p .slipway-tests; cp report .slipway-tests/`,
    framework: "junit",
  });
  expect(printed).toMatchObject({
    ok: false,
    passed: 0,
    problem: "the tests left no report",
    output: `${forged}\n`,
  });
  expect(scene.verified(printed["receipt"])).toMatchObject({ exit_code: 0, counts: null });
  const written = await run({ command: `cp report "$SLIPWAY_TEST_REPORT"`, framework: "junit" });
  expect(written).toMatchObject({ ok: true, passed: 1 });
  // A link in the place of the report is not followed, and a folder that became a link is not read.
  const linked = await run({ command: `ln -s /etc/hostname "$SLIPWAY_TEST_REPORT"`, framework: "junit" });
  expect(linked).toMatchObject({ ok: false, problem: "the report is too large, or no regular file" });
  const moved = await run({
    command: `d=$(dirname "$SLIPWAY_TEST_REPORT"); rmdir "$d"; mkdir -p elsewhere; cp report elsewhere/; ln -s "$PWD/elsewhere" "$d"`,
    framework: "junit",
  });
  expect(moved).toMatchObject({ ok: false, problem: "the tests left no report" });
});

test("a report without its run's end proves nothing", async () => {
  const passing = `echo "1..1"; echo "ok 1 - fine"`;
  expect(await run({ command: `${passing}; exit 3`, framework: "tap" })).toMatchObject({
    ok: false,
    passed: 1,
    exit_code: 3,
  });
  const late = await run({ command: `${passing}; sleep 60`, framework: "tap", timeout_s: 0.5 });
  expect(late).toMatchObject({
    ok: false,
    outcome: "timeout",
    problem: "the tests did not come to their end",
  });
  expect(scene.verified(late["receipt"]).counts).toBeNull();
});

test("a long suite becomes a job; what cannot be known is asked for", async () => {
  const started = await run({
    command: "until [ -e go ]; do sleep 0.05; done; echo 1..1; echo ok",
    framework: "tap",
    wait_ms: 0,
  });
  expect(started).toMatchObject({ ok: false, outcome: "running", status: "working" });
  await write("go", "");
  expect(await mustCall(client, "read_job", { job_id: started["job_id"] })).toMatchObject({
    status: "completed",
    ok: true,
    passed: 1,
  });
  expect(await callTool(client, "run_tests", { sandbox_id: id, command: "make check" })).toMatchObject({
    ok: false,
    error: { code: "invalid", hint: expect.stringContaining("framework") },
  });
});
