import { expect, test } from "vitest";
import {
  coverageOfChange,
  readCobertura,
  readCoverageJson,
  readLcov,
} from "../../../../servers/decision/domain/coverage.ts";
import { openApiBreaks } from "../../../../servers/decision/domain/openapi.ts";
import { pathComplexity } from "../../../../servers/decision/domain/path-complexity.ts";
import { entryFiles, packageBreaks, surfaceBreaks } from "../../../../servers/decision/domain/surface.ts";

const asObject = (report: ReturnType<typeof readCoverageJson>): unknown =>
  report === null
    ? null
    : Object.fromEntries([...report].map(([path, lines]) => [path, Object.fromEntries(lines)]));

test.each([
  [
    "lcov",
    readLcov("TN:\nSF:a.ts\nDA:1,3\nDA:2,0,hash\nDA:2,1\nDA:x,1\nend_of_record\nDA:9,9\n"),
    { "a.ts": { 1: 3, 2: 1 } },
  ],
  [
    "Cobertura",
    readCobertura(
      '<class name="a" filename="./a.py" line-rate="1"><lines><line number="1" hits="2"/><line hits="0" number="2"/></lines></class><line number="9" hits="1"/>',
    ),
    { "a.py": { 1: 2, 2: 0 } },
  ],
  [
    "istanbul",
    readCoverageJson({
      "/r/a.ts": {
        path: "/r/a.ts",
        statementMap: { 0: { start: { line: 1 } }, 1: { start: { line: 3 } } },
        s: { 0: 0, 1: 2 },
      },
    }),
    { "/r/a.ts": { 1: 0, 3: 2 } },
  ],
  [
    "coverage.py",
    readCoverageJson({
      meta: { version: "7" },
      files: { "a.py": { executed_lines: [1], missing_lines: [2, "x"] } },
    }),
    { "a.py": { 1: 1, 2: 0 } },
  ],
  ["another JSON", readCoverageJson({ total: { lines: 1 } }), null],
  ["a text", readCoverageJson("x"), null],
])("%s is read line by line", (_name, report, expected) => {
  expect(asObject(report)).toEqual(expected);
});

test("lines of tests and declarations do not count, lines that cannot run neither", () => {
  const report = readLcov("SF:src/a.ts\nDA:1,0\nend_of_record\n");
  const changed = new Map([
    ["src/a.ts", [1, 2]],
    ["test/a.test.ts", [1]],
    ["src/a.d.ts", [1]],
  ]);
  expect(coverageOfChange(report, changed)).toEqual({ run: 0, lines: 1, unknown: [] });
  expect(coverageOfChange(report, new Map([["src/a.ts", [2]]]))).toBeNull();
});

test("a decision belongs to the innermost function, also where functions share lines", () => {
  const outer = { start: 0, end: 100, firstLine: 1, lastLine: 9 };
  const inner = { start: 20, end: 40, firstLine: 3, lastLine: 4 };
  const next = { start: 50, end: 60, firstLine: 4, lastLine: 4 };
  const all = [inner, outer, next];
  expect(pathComplexity(all, [10, 25, 30, 40, 55], [3])).toEqual({ functions: 1, largest: 3 });
  expect(pathComplexity(all, [10, 25, 30, 40, 55], [9, 1])).toEqual({ functions: 1, largest: 3 });
  expect(pathComplexity(all, [10, 25, 30, 40, 55], [4])).toEqual({ functions: 1, largest: 2 });
  expect(pathComplexity(all, [], [10])).toEqual({ functions: 0, largest: 0 });
});

test("what is added breaks nothing, and what hangs on something gone is not told twice", () => {
  const before = new Map([
    ["A", null],
    ["A.go", { required: 1, most: 1 }],
    ["f", { required: 1, most: Number.POSITIVE_INFINITY }],
  ]);
  expect(surfaceBreaks(before, new Map([...before, ["g", null]]), "m")).toEqual([]);
  expect(surfaceBreaks(before, new Map([["f", { required: 0, most: 9 }]]), "m")).toEqual([
    "A of m is gone",
    "f of m takes fewer arguments",
  ]);
});

test("a package's entries: conditions are no paths, and closing all others is a break", () => {
  expect(packageBreaks({ name: "x" }, { exports: {} }, "p")).toBeNull();
  expect(packageBreaks({ main: "a.js" }, { main: "a.js", exports: { import: "./a.js" } }, "p")).toEqual([
    "paths of p that exports does not name are closed",
  ]);
  expect(packageBreaks({ exports: { import: "./a.js" } }, { exports: "./b.js" }, "p")).toEqual([]);
  expect(packageBreaks({ exports: { "./a": "./a.js" } }, { exports: { "./a": null } }, "p")).toHaveLength(1);
  expect(
    entryFiles({
      exports: { ".": { import: "./a.js", types: "./a.d.ts" }, "./*": "./x/*.js" },
      main: "b.js",
    }),
  ).toEqual(["a.js", "a.d.ts", "b.js"]);
});

test("no API, and one that cannot be read, break nothing; one that is gone breaks all", () => {
  const api = { swagger: "2.0", paths: { "/a": { get: { responses: { 200: {} } }, parameters: [] } } };
  expect(openApiBreaks({ a: 1 }, api)).toBeNull();
  expect(openApiBreaks(api, null)).toBeNull();
  expect(openApiBreaks(api, api)).toEqual([]);
  expect(openApiBreaks(api, undefined)).toEqual(["operation GET /a is gone"]);
  expect(
    openApiBreaks(api, {
      openapi: "3.1.0",
      paths: { "/a": { get: { responses: { 200: {} }, requestBody: { required: true } } } },
    }),
  ).toEqual(["GET /a now requires a body"]);
});
