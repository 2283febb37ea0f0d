import { describe, expect, it } from "vitest";
import { uniteAdditions } from "../../../../servers/git/domain/mechanical.ts";
import { findBrokenUses, parsePatchLines, type SideDiff } from "../../../../servers/git/domain/symbols.ts";

const conflict = (ours: string, base: string, theirs: string): string =>
  `top\n<<<<<<< a\n${ours}||||||| b\n${base}=======\n${theirs}>>>>>>> c\nend\n`;

describe("uniteAdditions", () => {
  it.each([
    ["imports", 'import { a } from "a";\n', 'import { b } from "b";\n'],
    ["default imports", 'import a from "a";\n', 'import b from "b";\n'],
    ["bodies that are alike", "function a() {\n  return 1;\n}\n", "function b() {\n  return 1;\n}\n"],
    ["exports", "export { one } from './one';\n", "export { two } from './two';\n"],
    ["keys", '  "a": "1",\n', '  "b": "1",\n'],
    ["functions", "function a() {\n}\n", "function b() {\n}\n"],
    ["members", "  One,\n", "  Two,\n"],
  ])("keeps both %s, ours first", (_what, ours, theirs) => {
    expect(uniteAdditions(conflict(ours, "", theirs))).toBe(`top\n${ours}${theirs}end\n`);
  });

  it.each([
    ["a change of what stood there", "x = 2\n", "x = 1\n", "x = 3\n"],
    ["the same import twice", 'import { a } from "a";\n', "", 'import { c as a } from "b";\n'],
    ["the same key twice", '  "a": "1",\n', "", '  "a": "2",\n'],
    ["an open block", "function a() {\n", "", "function b() {\n}\n"],
    ["a closed foreign block", "}\nfunction a() {\n", "", "function b() {\n}\n"],
  ])("leaves %s alone", (_what, ours, base, theirs) => {
    expect(uniteAdditions(conflict(ours, base, theirs))).toBeUndefined();
  });

  it("does not read markers that do not pair up", () => {
    expect(uniteAdditions("<<<<<<< a\nx\n")).toBeUndefined();
    expect(uniteAdditions("<<<<<<< a\n<<<<<<< a\nx\n")).toBeUndefined();
  });
});

const side = (file: string, removed: readonly string[], added: readonly string[]): SideDiff => ({
  removed: removed.map((text, at) => ({ file, line: at + 1, text })),
  added: added.map((text, at) => ({ file, line: at + 1, text })),
});

describe("findBrokenUses", () => {
  it.each([
    ["export function gone() {}", "gone();"],
    ["class Gone:", "x = Gone()"],
    ["    def gone(self):", "self.gone()"],
    ["pub fn gone() {", "gone();"],
    ["func (s *Store) gone() {", "s.gone()"],
  ])("sees that %s is used by %s", (declaration, use) => {
    const file = declaration.includes("def") || declaration.endsWith(":") ? "a.py" : "a.go";
    expect(findBrokenUses(side(file, [declaration], []), side("b.py", [], [use]))).toMatchObject([
      { path: "b.py", removedBy: "target", lines: [1] },
    ]);
  });

  it.each([
    [
      "a declaration that moved",
      side("a.ts", ["function gone() {"], ["function gone(x) {"]),
      side("b.ts", [], ["gone()"]),
    ],
    ["a use that was there", side("a.ts", ["function gone() {"], []), side("b.ts", ["gone(1)"], ["gone(2)"])],
    ["a comment", side("a.ts", ["function gone() {"], []), side("b.ts", [], ["// gone"])],
    ["a longer word", side("a.ts", ["function gone() {"], []), side("b.ts", [], ["goners()"])],
    ["prose", side("a.md", ["class gone"], []), side("b.ts", [], ["gone()"])],
    [
      "a new declaration",
      side("a.ts", ["function gone() {"], []),
      side("b.ts", [], ["const gone = 1", "gone"]),
    ],
  ])("does not report %s", (_what, ours, theirs) => {
    expect(findBrokenUses(ours, theirs)).toEqual([]);
  });

  it("reads patches by their line counts, so that a line may look like a header", () => {
    const patch = "--- a/x.ts\n+++ b/x.ts\n@@ -1,2 +1 @@\n--- a/y.ts\n-b\n+++ b/z.ts\n";
    expect(parsePatchLines(patch)).toEqual({
      removed: [
        { file: "x.ts", line: 1, text: "-- a/y.ts" },
        { file: "x.ts", line: 2, text: "b" },
      ],
      added: [{ file: "x.ts", line: 1, text: "++ b/z.ts" }],
    });
  });
});
