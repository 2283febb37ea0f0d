import { expect, test } from "vitest";
import {
  harnessPaths,
  protectedPaths,
  scriptsOf,
  undeclaredPaths,
} from "../../../orchestrator/gates/tamper.ts";

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
  [["./add.test.js"], "add.test.js", true],
  [["/test/"], "test/a.js", true],
  [["test/**"], "test/.fixtures/a.json", true],
  [["**/*.test.js"], "src/.hidden.test.js", true],
  [["**/*.test.js"], ".ci/a.test.js", true],
  [["test/[id].test.js"], "test/[id].test.js", true],
  [["test/[ab].js"], "test/b.js", true],
  [["test/[!ab].js"], "test/b.js", false],
  [["test/[z-a].js"], "test/-.js", true],
  [["test/{a,b}.js"], "test/b.js", true],
  [["test/{a.js"], "test/{a.js", true],
  [["*.test.js"], "ADD.test.js", true],
  [["*.test.js"], "a\nb.test.js", true],
  [["a+b(c).js"], "a+b(c).js", true],
  [["test/*"], "test/deep/a.js", false],
  [["."], "anything.js", true],
];

for (const [protect, path, isProtected] of cases) {
  test(`${protect.join(" ") || "nothing"} ${isProtected ? "protects" : "leaves"} ${path}`, () => {
    expect(
      protectedPaths([{ tests: "x", protect: [...protect] }], [path, "src/other.js"]).includes(path),
    ).toBe(isProtected);
  });
}

test("plain commands protect nothing", () => {
  expect(protectedPaths([{ run: "npm test" }], ["test/a.js"])).toEqual([]);
});

test("files outside the declared paths are named; a task that declares none may touch all", () => {
  expect(undeclaredPaths(["src/**", "README.md"], ["src/a.ts", "README.md", "package.json"])).toEqual([
    "package.json",
  ]);
  expect(undeclaredPaths([], ["anything"])).toEqual([]);
});

test("what decides how commands run is named, unless the task asks for that very file", () => {
  const changed = [
    "src/a.ts",
    ".npmrc",
    "node_modules/.bin/vitest",
    "pkg/vitest.config.ts",
    "test/conftest.py",
  ];
  expect(harnessPaths([], changed)).toEqual(changed.slice(1));
  expect(harnessPaths(["**", "pkg/vitest.config.ts"], changed)).toEqual(
    changed.slice(1).filter((path) => path !== "pkg/vitest.config.ts"),
  );
});

test.each([
  ["npm test", "test"],
  ["npm t", "test"],
  ["npm run --silent check:all", "check:all"],
  ["CI=1 pnpm run build && node x.js", "build"],
  ["yarn lint", "lint"],
])("%s runs the script %s", (command, script) => {
  expect(scriptsOf(command)).toEqual([script, `pre${script}`, `post${script}`]);
});

test("a plain command runs no script", () => {
  expect(scriptsOf("node --test")).toEqual([]);
});
