import { expect, test } from "vitest";
import { protectedPaths, undeclaredPaths } from "../../../orchestrator/gates/tamper.ts";

const cases: readonly (readonly [readonly string[], string, boolean])[] = [
  [["test/**"], "test/a.test.js", true],
  [["test/**"], "test/deep/er/a.js", true],
  [["test/**"], "testing/a.js", false],
  [["**/*.test.ts"], "src/a.test.ts", true],
  [["**/*.test.ts"], "a.test.ts", true],
  [["*.test.js"], "a.test.js", true],
  [["*.test.js"], "src/a.test.js", false],
  [["test"], "test/a.js", true],
  [["test/"], "test/a.js", true],
  [["package.json"], "package.json", true],
  [["package.json"], "sub/package.json", false],
  [[], "test/a.js", false],
];

for (const [protect, path, isProtected] of cases) {
  test(`${protect.join(" ") || "nothing"} ${isProtected ? "protects" : "leaves"} ${path}`, () => {
    expect(protectedPaths([{ tests: "x", protect: [...protect] }], [path, "src/other.js"]).includes(path)).toBe(isProtected);
  });
}

test("plain commands protect nothing", () => {
  expect(protectedPaths([{ run: "npm test" }], ["test/a.js"])).toEqual([]);
});

test("files outside the declared paths are named; a task that declares none may touch all", () => {
  expect(undeclaredPaths(["src/**", "README.md"], ["src/a.ts", "README.md", "package.json"])).toEqual(["package.json"]);
  expect(undeclaredPaths([], ["anything"])).toEqual([]);
});
