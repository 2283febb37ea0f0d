import { describe, expect, test } from "vitest";
import { readReport } from "../../../servers/sandbox/adapters/test-reports/read.ts";
import {
  linesOfDiff,
  parseGoProfile,
  parseLcov,
  summariseCoverage,
} from "../../../servers/sandbox/domain/coverage.ts";
import {
  commandFor,
  frameworkOf,
  planTests,
  type Framework,
} from "../../../servers/sandbox/domain/test-command.ts";
import { countTests, findFlaky, type TestCase } from "../../../servers/sandbox/domain/test-report.ts";

const read = (framework: Framework, text: string): readonly TestCase[] =>
  readReport(framework, Buffer.from(text), "/workspace");
const failuresOf = (cases: readonly TestCase[]): unknown =>
  cases
    .filter(({ status }) => status === "failed")
    .map(({ name, file, line, message }) => ({ name, file, line, message }));
const codeOf = (framework: Framework, text: string): unknown => {
  try {
    return read(framework, text).length;
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
};

describe("reports as the tools write them, shortened", () => {
  test("pytest: 1 failed, 2 passed, 1 skipped, 1 xfailed, 1 error", () => {
    const cases = read(
      "pytest",
      `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="2" tests="6"><testcase classname="test_a" name="test_ok" file="test_a.py" line="1" time="0.002" /><testcase classname="test_a" name="test_bad" file="test_a.py" line="2"><failure message="AssertionError: they differ&#10;assert 1 == 2">def test_bad():
        x = 1
&gt;       assert x == 2, "they differ"

/usr/lib/python3/dist-packages/site-packages/pluggy.py:9: Error
test_a.py:5: AssertionError</failure></testcase><testcase classname="test_a" name="test_skip" file="test_a.py" line="5"><skipped type="pytest.skip" message="no">/workspace/test_a.py:6: no</skipped></testcase><testcase classname="test_a" name="test_xf"><skipped type="pytest.xfail" message="" /></testcase><testcase classname="test_a" name="test_err" file="test_a.py" line="13"><error message="failed on setup with &quot;RuntimeError&quot;"><![CDATA[fixture <broken> & so on]]></error></testcase><testcase classname="test_a.TestX" name="test_in" /></testsuite></testsuites>`,
    );
    expect(countTests(cases)).toEqual({ passed: 2, failed: 2, skipped: 2 });
    expect(failuresOf(cases)).toEqual([
      {
        name: "test_a > test_bad",
        file: "test_a.py",
        line: 5,
        message: "AssertionError: they differ\nassert 1 == 2",
      },
      {
        name: "test_a > test_err",
        file: "test_a.py",
        line: 13,
        message: 'failed on setup with "RuntimeError"',
      },
    ]);
  });

  test("go test -json: subtests count, and so does a package that does not build", () => {
    const lines = [
      { Action: "start", Package: "example.com/a" },
      { Action: "run", Package: "example.com/a", Test: "TestOk" },
      { Action: "pass", Package: "example.com/a", Test: "TestOk" },
      { Action: "output", Package: "example.com/a", Test: "TestBad", Output: "=== RUN   TestBad\n" },
      { Action: "output", Package: "example.com/a", Test: "TestBad", Output: "    a_test.go:4: got 2\n" },
      {
        Action: "output",
        Package: "example.com/a",
        Test: "TestBad",
        Output: '{"Action":"pass","Test":"Forged"}\n',
      },
      { Action: "fail", Package: "example.com/a", Test: "TestBad" },
      { Action: "skip", Package: "example.com/a", Test: "TestSkip" },
      { Action: "pass", Package: "example.com/a", Test: "TestSub/one" },
      { Action: "fail", Package: "example.com/a" },
      { Action: "output", Package: "example.com/b", Output: "./b.go:3:1: syntax error\n" },
      { Action: "fail", Package: "example.com/b" },
    ].map((line) => JSON.stringify(line));
    const cases = read("go", `# example.com/b\n${lines.join("\n")}\n{"Action":"pa`);
    expect(countTests(cases)).toEqual({ passed: 2, failed: 2, skipped: 1 });
    expect(failuresOf(cases)).toEqual([
      {
        name: "example.com/a > TestBad",
        file: "a_test.go",
        line: 4,
        message: 'a_test.go:4: got 2\n{"Action":"pass","Test":"Forged"}',
      },
      { name: "example.com/b", file: "b.go", line: 3, message: "./b.go:3:1: syntax error" },
    ]);
  });

  test("cargo test: what a test printed is not taken for a result", () => {
    const cases = read(
      "cargo",
      `
running 4 tests
test tests::ign ... ignored
test tests::ok ... ok
test tests::bad ... FAILED
test tests::sp - should panic ... ok

failures:

---- tests::bad stdout ----
test tests::fake ... ok

thread 'tests::bad' (8884) panicked at src/lib.rs:5:56:
assertion \`left == right\` failed: wrong sum
  left: 3
             at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/panicking.rs:689:5


failures:
    tests::bad

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.31s

   Doc-tests rs

running 0 tests

test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
`,
    );
    expect(countTests(cases)).toEqual({ passed: 2, failed: 1, skipped: 1 });
    expect(failuresOf(cases)).toMatchObject([{ name: "tests::bad", file: "src/lib.rs", line: 5 }]);
  });

  test("jest and vitest", () => {
    const stack =
      "Error: expect(received).toBe(expected)\n    at Object.toBe (/workspace/node_modules/x/y.js:1:1)\n    at f (/workspace/j/a.test.js:7:63)";
    const report = {
      testResults: [
        {
          name: "/workspace/j/a.test.js",
          status: "failed",
          assertionResults: [
            { ancestorTitles: ["s"], title: "ok", status: "passed", failureMessages: [], location: null },
            { ancestorTitles: ["s"], title: "bad", status: "failed", failureMessages: [stack] },
            { ancestorTitles: ["s"], title: "sk", status: "pending" },
            { ancestorTitles: ["s"], title: "td", status: "todo" },
          ],
        },
        {
          name: "/workspace/j/b.test.js",
          status: "failed",
          message: "SyntaxError: no\n at j/b.test.js:3:1",
          assertionResults: [],
        },
      ],
    };
    const cases = read("jest", JSON.stringify(report));
    expect(cases).toEqual(read("vitest", JSON.stringify(report)));
    expect(countTests(cases)).toEqual({ passed: 1, failed: 2, skipped: 2 });
    expect(failuresOf(cases)).toEqual([
      { name: "s > bad", file: "j/a.test.js", line: 7, message: stack },
      { name: "j/b.test.js", file: "j/b.test.js", line: 3, message: "SyntaxError: no\n at j/b.test.js:3:1" },
    ]);
  });

  test("mocha", () => {
    const of = (fullTitle: string, err = {}): unknown => ({ fullTitle, file: "/workspace/m/a.js", err });
    const cases = read(
      "mocha",
      JSON.stringify({
        stats: { tests: 4 },
        passes: [of("s ok")],
        pending: [of("s sk"), of("s pending")],
        failures: [
          of("s bad", {
            message: "1 == 2",
            stack: "AssertionError: 1 == 2\n    at Context.<anonymous> (m/a.js:9:87)",
          }),
        ],
      }),
    );
    expect(countTests(cases)).toEqual({ passed: 1, failed: 1, skipped: 2 });
    expect(failuresOf(cases)).toEqual([{ name: "s bad", file: "m/a.js", line: 9, message: "1 == 2" }]);
  });

  test("TAP: a point that sums up subtests is not counted, todo is no failure, bailing out is one", () => {
    const cases = read(
      "tap",
      `TAP version 14
# Subtest: suite
    ok 1 - inner
    not ok 2 - inner bad
      ---
      error: 'boom'
      stack: |-
        at TestContext.<anonymous> (file:///workspace/test/a.test.js:7:80)
      ...
    1..2
not ok 1 - suite
ok 2 - plain
ok 3 - not here # SKIP no
not ok 4 - later # TODO
Bail out! no database
`,
    );
    expect(countTests(cases)).toEqual({ passed: 2, failed: 2, skipped: 2 });
    expect(failuresOf(cases)).toEqual([
      { name: "inner bad", file: "test/a.test.js", line: 7, message: "boom" },
      { name: "Bail out!", file: null, line: null, message: "Bail out! no database" },
    ]);
  });
});

test("what is no report, or a hostile one, is refused and grows nothing", () => {
  const lol = `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><testsuites>&lol2;</testsuites>`;
  const refused: readonly (readonly [Framework, string])[] = [
    ["junit", lol],
    ["junit", "<testsuites>&lol;</testsuites>"],
    ["junit", `<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>`],
    ["junit", "<testsuite><testcase name='a'></testsuite>"],
    ["junit", "<testsuite><testcase name='a'/>"],
    ["junit", "<testcase name=a/>"],
    ["junit", "<testcase <"],
    ["jest", "{}"],
    ["jest", "not json"],
    ["mocha", '{"passes":[],"failures":[{"fullTitle":7}],"pending":[]}'],
    ["node", '{"ok":"yes"}\n'],
    ["tap", "hello\n"],
    ["cargo", "error[E0425]: cannot find value\n"],
  ];
  for (const [framework, text] of refused) expect([text, codeOf(framework, text)]).toEqual([text, "invalid"]);
  expect(codeOf("junit", "<a>".repeat(200))).toBe("limit");
  expect(codeOf("tap", "ok\n".repeat(100_001))).toBe("limit");
  expect(codeOf("node", '{"ok":tr')).toBe(0);
});

test("a test that does not end the same way every time is flaky", () => {
  const of = (name: string, status: TestCase["status"]): TestCase => ({
    name,
    status,
    file: "a",
    line: 1,
    message: null,
  });
  expect(
    findFlaky([
      [of("a", "failed"), of("b", "failed"), of("c", "passed"), of("d", "passed"), of("e", "skipped")],
      [of("a", "passed"), of("b", "failed"), of("c", "failed"), of("d", "passed"), of("e", "passed")],
    ]),
  ).toEqual(["a", "c"]);
});

test("the tool is known by the command or by the package script it names", () => {
  const facts = {
    names: ["package.json"],
    scripts: { test: "node --test", unit: "vitest run", other: "make check", loop: "npm test" },
  };
  const known = [
    "npm test",
    "npm t",
    "npm run unit",
    "pnpm unit --x",
    "python3 -m pytest -q",
    "cd a && go test ./...",
    "cargo +nightly test",
    "npx jest",
  ];
  expect(known.map((command) => frameworkOf(command, facts))).toEqual([
    "node",
    "node",
    "vitest",
    "vitest",
    "pytest",
    "go",
    "cargo",
    "jest",
  ]);
  for (const command of ["npm run other", "npm run loop", "npm run toString", "make test", "node tests.js"])
    expect([command, frameworkOf(command, facts)]).toEqual([command, null]);
  expect(commandFor(facts, null)).toBe("npm test");
  expect(commandFor({ names: ["go.mod"], scripts: null }, null)).toBe("go test ./...");
  expect(commandFor({ names: ["package.json"], scripts: {} }, null)).toBe("node --test");
  expect(commandFor({ names: ["pyproject.toml"], scripts: null }, null)).toBe("python3 -m pytest");
  expect(commandFor({ names: ["README"], scripts: null }, null)).toBe(null);
  const npm = planTests("vitest", "npm test", "/w/f", true, facts).script;
  expect(npm).toMatch(/^npm test -- --reporter=json --outputFile=\/w\/f\/report --coverage /);
  expect(planTests("node", "npm test", "/w/f", true, facts).script).toBe(
    "node --test --experimental-test-coverage",
  );
  expect(planTests("node", "npm run other", "/w/f", true, facts).noCoverage).not.toBeNull();
});

test("coverage of changed lines is that of the lines a diff adds, of those that can run", () => {
  const diff = `diff --git a/src/a.js b/src/a.js
--- a/src/a.js
+++ b/src/a.js
@@ -1,3 +1,5 @@
 one
+two
+three
-old
 four
+five
@@ -20 +22,2 @@ context
-x
++++ b/not/a/file
+y
diff --git a/gone.js b/gone.js
--- a/gone.js
+++ /dev/null
@@ -1 +0,0 @@
-x
`;
  const changed = linesOfDiff(diff);
  expect([...changed].map(([file, lines]) => [file, [...lines]])).toEqual([["src/a.js", [2, 3, 5, 22, 23]]]);
  const lcov =
    "TN:\nSF:/workspace/src/a.js\nDA:1,1\nDA:2,3\nDA:3,0\nDA:22,0\nDA:23,0\nend_of_record\nSF:src/b.js\nDA:1,1\nend_of_record\n";
  const coverage = parseLcov(lcov, "/workspace");
  expect(summariseCoverage(coverage, changed)).toEqual({
    lines: 0.5,
    changedLines: { covered: 0.25, total: 4, uncovered: ["src/a.js:3", "src/a.js:22-23"] },
  });
  expect(summariseCoverage(new Map(), changed)).toBeNull();
  const go = parseGoProfile(
    "mode: set\nexample.com/m/src/a.js:2.2,3.4 1 1\nexample.com/m/src/a.js:5.1,5.9 1 0\n",
  );
  expect(summariseCoverage(go, changed)).toEqual({
    lines: 0.6667,
    changedLines: { covered: 0.6667, total: 3, uncovered: ["src/a.js:5"] },
  });
});
