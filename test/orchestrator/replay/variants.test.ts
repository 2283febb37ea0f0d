import { describe, expect, test } from "vitest";
import { findTestCommand } from "../../../orchestrator/replay/find-tests.ts";
import { applyHunks, linesOf, parseHunks } from "../../../orchestrator/replay/hunks.ts";
import { parseInstances } from "../../../orchestrator/replay/instance.ts";
import {
  deletingTests,
  incompletes,
  isTestPath,
  meanwhile,
  skippingTests,
  withHang,
  withSyntaxError,
  withUnrelatedFile,
  type ChangedFile,
} from "../../../orchestrator/replay/variants.ts";
import { isRight, outcomeOf, type Played } from "../../../orchestrator/replay/verdict.ts";

const DIFF = `diff --git a/x b/x
--- a/x
+++ b/x
@@ -2 +2,2 @@ one
-two
+2
+two and a half
@@ -4,0 +6 @@
+five
\\ No newline at end of file
`;
const BEFORE = "one\ntwo\nthree\nfour\n";

describe("hunks", () => {
  test("all of them make the change, some of them a part of it, wherever the others would have moved it", () => {
    const hunks = parseHunks(DIFF);
    expect(applyHunks(BEFORE, hunks)).toBe("one\n2\ntwo and a half\nthree\nfour\nfive");
    expect(applyHunks(BEFORE, hunks.slice(1))).toBe("one\ntwo\nthree\nfour\nfive");
    expect(applyHunks(BEFORE, [])).toBe(BEFORE);
  });
  test("a removed last line that did not end leaves what was added alone", () => {
    const hunks = parseHunks(
      "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n",
    );
    expect(applyHunks("a", hunks)).toBe("b");
  });
  test("lines keep their ends", () => {
    expect(linesOf("a\r\n\nb")).toEqual(["a\r\n", "\n", "b"]);
    expect(linesOf("")).toEqual([]);
  });
});

describe("an instance", () => {
  const row = { repo: "o/n", base_commit: "abc", patch: "diff" };
  test.each([
    ["SWE-bench", { ...row, instance_id: "o__n-1", FAIL_TO_PASS: '["a","b"]' }, "o__n-1"],
    ["Multi-SWE-bench", { org: "o", repo: "n", number: 7, base: { sha: "abc" }, fix_patch: "diff" }, "o/n-7"],
  ])("of %s is read", (_name, given, id) => {
    const [instance] = parseInstances(`${JSON.stringify(given)}\n\n`);
    expect(instance).toMatchObject({ id, repo: "o/n", baseCommit: "abc", patch: "diff\n", setup: "" });
  });
  test("takes lists of commands, and lists in strings", () => {
    const [instance] = parseInstances(
      JSON.stringify({ ...row, install: ["a", "b"], test_cmd: "c", FAIL_TO_PASS: '["x","y"]' }),
    );
    expect(instance).toMatchObject({ setup: "a && b", test: "c", failToPass: ["x", "y"] });
  });
  test.each([
    ["{", "line 1 is no instance"],
    ["{}", "line 1 is no instance: it has no patch"],
    ['{"patch":"x"}', "it names neither repo nor files"],
    ['{"patch":"x","repo":1}', "line 1 is no instance: repo:"],
    ["", "the file holds no instance"],
    [`${JSON.stringify({ ...row, id: "x" })}\n${JSON.stringify({ ...row, id: "x" })}`, '"x" is there twice'],
  ])("%j is refused", (text, reason) => {
    expect(() => parseInstances(text)).toThrow(reason);
  });
});

const CODE: ChangedFile = {
  path: "src/x.js",
  before: BEFORE,
  after: applyHunks(BEFORE, parseHunks(DIFF)),
  hunks: parseHunks(DIFF),
};
const NEW: ChangedFile = { path: "README.md", before: null, after: "# x\n", hunks: [] };

describe("a variant", () => {
  test("leaves each hunk and each file out once, code first", () => {
    const parts = incompletes([NEW, CODE]);
    expect(parts.map((part) => [part.get("src/x.js"), part.has("README.md")])).toEqual([
      ["one\ntwo\nthree\nfour\nfive", true],
      ["one\n2\ntwo and a half\nthree\nfour\n", true],
      [CODE.after, false],
    ]);
  });
  test("leaves half of a single hunk out", () => {
    const hunks = CODE.hunks.slice(0, 1);
    const [half] = incompletes([{ ...CODE, after: applyHunks(BEFORE, hunks), hunks }]);
    expect(half?.get("src/x.js")).toBe("one\n2\nthree\nfour\n");
  });
  test("spoils code only", () => {
    expect(withSyntaxError([NEW, CODE])?.get("src/x.js")).toBe(`${CODE.after ?? ""}\n)]}\n`);
    expect(withHang([NEW, CODE])?.get("src/x.js")).toContain("while (true) {}");
    expect(withSyntaxError([NEW])).toBeNull();
    expect(withUnrelatedFile([CODE]).size).toBe(2);
  });
  test("changes a line that the right change replaces, invisibly", () => {
    expect([...(meanwhile([NEW, CODE]) ?? [])]).toEqual([["src/x.js", "one\ntwo  \nthree\nfour\n"]]);
    expect(meanwhile([NEW])).toBeNull();
  });
  test.each([
    ["a.test.ts", "  it('x', f);\ntest(`y`, f)\n", "  it.skip('x', f);\ntest.skip(`y`, f)\n"],
    ["test_a.py", "def test_a(): ...\n", "import pytest\npytestmark = pytest.mark.skip\ndef test_a(): ...\n"],
    ["a_test.go", "func TestA(t *testing.T) {\n", "func TestA(t *testing.T) { t.Skip();\n"],
  ])("skips the tests of %s", (path, text, skipped) => {
    expect(skippingTests(new Map([[path, text]]))?.get(path)).toBe(skipped);
  });
  test("deletes tests where there are some", () => {
    expect(deletingTests([])).toBeNull();
    expect(deletingTests(["t"])?.get("t")).toBeNull();
  });
});

test.each([
  ["test/a.js", true],
  ["src/a.test.ts", true],
  ["tests/test_a.py", true],
  ["pkg/a_test.go", true],
  ["test.js", true],
  ["src/latest.js", false],
  ["src/contest/a.js", false],
])("%s is a test: %j", (path, is) => expect(isTestPath(path)).toBe(is));

describe("the test command of", () => {
  const none = { manifest: null, hasPython: false, hasGo: false, hasCargo: false };
  const js = (script: string, devDependencies: object = {}): string =>
    JSON.stringify({ scripts: script === "" ? {} : { test: script }, devDependencies });
  test.each([
    [js("vitest"), "npx --no-install vitest run t/a.test.js"],
    [js("eslint . && jest --ci"), "npx --no-install jest t/a.test.js"],
    [js("nyc mocha"), "npx --no-install mocha t/a.test.js"],
    [js("node --test"), "node --test t/a.test.js"],
    [js("node --import tsx --test t"), "node --import tsx --test t/a.test.js"],
    [js("tap"), "npm test"],
    [js("", { vitest: "1" }), "npx --no-install vitest run t/a.test.js"],
    [js(""), ""],
    ["{", ""],
  ])("%s", (manifest, command) => {
    expect(findTestCommand({ ...none, manifest }, ["t/a.test.js"], [])).toBe(command);
  });
  test("pytest, go and cargo", () => {
    const python = { ...none, hasPython: true };
    expect(findTestCommand(python, ["t/test_a.py"], [])).toBe("python3 -m pytest -q t/test_a.py");
    expect(findTestCommand(python, ["t/test_a.py"], ["t/test_a.py::test_x[a b]"])).toBe(
      "python3 -m pytest -q 't/test_a.py::test_x[a b]'",
    );
    expect(findTestCommand({ ...none, hasGo: true }, ["p/a_test.go"], [])).toBe("go test ./p");
    expect(findTestCommand({ ...none, hasCargo: true }, [], [])).toBe("cargo test");
  });
});

describe("a verdict", () => {
  const played: Played = {
    variant: "gold",
    status: "merged",
    reasons: [],
    flagged: [],
    failedGates: [],
    attempts: 1,
    keptOthers: true,
    durationMs: 1,
    testsMs: 1,
  };
  test.each([
    [{}, true, "accepted"],
    [{ status: "rejected" }, false, "rejected"],
    [{ status: "waiting" }, false, "waiting"],
    [{ variant: "nothing" }, false, "accepted"],
    [{ variant: "hang", status: "rejected" }, true, "rejected"],
    [{ variant: "hang", status: "failed" }, false, "failed"],
    [{ variant: "hang", status: "not_applicable" }, true, "not_applicable"],
    [{ variant: "unrelated_file" }, false, "accepted"],
    [{ variant: "unrelated_file", flagged: ["x"] }, true, "accepted, flagged"],
    [{ variant: "unrelated_file", flagged: ["x"], status: "broken" }, false, "broken"],
    [{ variant: "conflict", attempts: 2 }, true, "accepted, rebased"],
    [{ variant: "conflict", keptOthers: false }, false, "accepted"],
  ] as const)("%j is right: %j", (more, right, word) => {
    expect(isRight({ ...played, ...more })).toBe(right);
    expect(outcomeOf({ ...played, ...more })).toBe(word);
  });
});
