import { mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gitCache } from "../../../../kernel/git/open.ts";
import { openRoots } from "../../../../kernel/roots.ts";
import { gitHistory } from "../../../../servers/decision/adapters/git-history.ts";
import { withinTime } from "../../../../servers/decision/adapters/within-time.ts";
import type { ChangeSource } from "../../../../servers/decision/adapters/change-source.ts";
import type { ChangeContents } from "../../../../servers/decision/domain/change.ts";
import { changesBelow } from "../open.ts";
import { makeRepository, type Repository } from "../repository.ts";

let repo: Repository;
let home: string;
let changes: ChangeSource;
beforeAll(() => {
  repo = makeRepository();
  home = mkdtempSync(join(tmpdir(), "slipway-contents-"));
  changes = changesBelow([repo.path], home);
  repo.write("package.json", manifest({ ".": "./dist/index.js", "./more": "./dist/more.js" }));
  repo.write(
    "src/index.ts",
    'export * from "./inner.js";\nexport { helper as help } from "./inner.ts";\nexport const VERSION = 1;\n',
  );
  repo.write(
    "src/inner.ts",
    "export function helper(a: string, b = 1): void {}\nexport class Box {\n  open(key: string): void {}\n  private inner(): void {}\n}\nexport type Shape = { a: 1 };\n",
  );
  repo.write("src/deep.ts", "export function unseen(a: number): number {\n  return a;\n}\n");
  repo.write("lib/index.cjs", "function one(a) {}\nmodule.exports = { one, two: (a, b) => a };\n");
  repo.write("py/pyproject.toml", "[project]\n");
  repo.write(
    "py/tool/core.py",
    "class A:\n    def go(self, x):\n        pass\n\ndef load(path, *, strict=True):\n    pass\n\ndef _own():\n    pass\n",
  );
  repo.write(
    "api/openapi.yaml",
    "openapi: 3.0.0\npaths:\n  /pets/{id}:\n    get:\n      parameters: [{ name: limit, in: query, required: false }]\n      responses: { '200': { description: ok } }\n    delete:\n      responses: { '204': { description: gone } }\n",
  );
  repo.commit("start");
});
afterAll(() => {
  repo.remove();
  rmSync(home, { recursive: true, force: true });
});

function manifest(exports: Record<string, string>, more: Record<string, unknown> = {}): string {
  return `${JSON.stringify({ name: "it", type: "module", exports, bin: { it: "x.js" }, ...more })}\n`;
}

async function contents(): Promise<ChangeContents> {
  const change = await changes.read({
    repo: repo.path,
    base: undefined,
    head: "HEAD",
    signal: new AbortController().signal,
  });
  return change.contents;
}

/** Commits these files, and looks into the change. */
async function after(files: Readonly<Record<string, string>>): Promise<ChangeContents> {
  for (const [path, text] of Object.entries(files)) repo.write(path, text);
  repo.commit("change");
  return contents();
}

test("paths through the function that changed lines lie in, not through its neighbours", async () => {
  const busy =
    "function busy(a: number) {\n  if (a > 1 && a < 9 || a === 12) return 1;\n  return a ? 2 : 3;\n}\n";
  const first = await after({ "src/paths.ts": `${busy}function calm() {\n  return 1;\n}\n` });
  expect(first.complexity).toEqual({ functions: 2, largest: 5 });
  // Tests, and what is no source, tell nothing.
  const calm = await after({
    "src/paths.ts": `${busy}function calm() {\n  return 2;\n}\n`,
    "test/a.test.ts": busy,
    "notes.md": busy,
  });
  expect(calm.complexity).toEqual({ functions: 1, largest: 1 });
  const go = "package m\nfunc f(a int) int {\n\tfor a > 0 {\n\t\tif a == 3 { a = 1 }\n\t}\n\treturn a\n}\n";
  const python = "def f(a):\n    return [x for x in a if x and a]\n";
  expect((await after({ "m.go": go, "m.py": python })).complexity).toEqual({ functions: 2, largest: 4 });
});

test("what others can no longer do: exports followed through modules, commands, operations, Python", async () => {
  const changed = await after({
    "src/deep.ts": "export const other = 1;\n",
    "src/inner.ts":
      "export function helper(a: string, b: number): void {}\nexport class Box {\n  open(key: string, more?: 1): void {}\n}\n",
    "package.json": manifest({ ".": "./dist/index.js" }, { bin: {}, type: "commonjs" }),
    "py/tool/core.py": "class A:\n    def go(self, x, y):\n        pass\n\ndef load(path):\n    pass\n",
    "api/openapi.yaml":
      "openapi: 3.0.0\npaths:\n  /pets/{pet}:\n    get:\n      parameters: [{ name: limit, in: query, required: true }]\n      responses: { '202': { description: later } }\n",
  });
  expect(changed.breaks).toEqual([
    "GET /pets/{id} now requires query parameter limit",
    "GET /pets/{id} no longer answers 200",
    "operation DELETE /pets/{id} is gone",
    "A.go of py/tool/core.py takes 2 arguments at least, and took 1",
    "load of py/tool/core.py takes fewer arguments",
    "the entry ./more of package.json is gone",
    "the command it of package.json is gone",
    "the module system of package.json is another",
    "helper of src/index.ts takes 2 arguments at least, and took 1",
    "Shape of src/index.ts is gone",
    "help of src/index.ts takes 2 arguments at least, and took 1",
  ]);
  // What can't be read is compared with nothing; a package that is gone breaks everything it offered.
  const torn = await after({ "api/openapi.yaml": "openapi: [&a *a", "package.json": "{" });
  expect(torn.breaks).toEqual(["the entry . of package.json is gone"]);
});

test("a manifest that names files outside, and an API made to be slow, stop nothing", async () => {
  const odd = JSON.stringify({
    main: "../../etc/passwd",
    exports: {
      ".": "./src/index.ts",
      "./a": "/etc/passwd",
      "./b": "./x\ny.js",
      "./c": "",
      "./d": "./../../x.js",
    },
  });
  repo.write("package.json", odd);
  repo.write("api/swagger.yaml", "swagger: '2.0'\npaths: {}\n");
  repo.commit("odd names");
  const slow = `swagger: '2.0'\npaths: ${"[".repeat(200_000)}\n`;
  const found = await after({ "src/index.ts": "export const VERSION = 2;\n", "api/swagger.yaml": slow });
  expect(found.breaks).toEqual(expect.arrayContaining(["helper of src/index.ts is gone"]));
});

test("work that takes too long, or fails, is given up", () => {
  expect(withinTime(1_000, () => 7)).toBe(7);
  expect(
    withinTime(20, () => {
      for (;;);
    }),
  ).toBeNull();
  expect(withinTime(1_000, () => JSON.parse("{"))).toBeNull();
});

test("more files than are read at once are refused with what to do", async () => {
  const few = gitHistory(
    { roots: openRoots([repo.path]), path: process.env["PATH"] ?? "", home, cache: gitCache() },
    1,
  );
  await expect(
    few.read({ repo: repo.path, base: undefined, head: "HEAD", signal: new AbortController().signal }),
  ).rejects.toMatchObject({ code: "limit", hint: "assess it in smaller ranges" });
});

test("coverage of changed lines from a report younger than the change, inside the repository", async () => {
  await after({
    "src/cover.ts": "export const a = 1;\nexport const b = 2;\nexport const c = 3;\n",
    "src/none.ts": "1;\n",
  });
  repo.write("coverage/lcov.info", "SF:/elsewhere/src/cover.ts\nDA:1,4\nDA:2,0\nend_of_record\n");
  expect((await contents()).coverage).toEqual({
    run: 1,
    lines: 3,
    unknown: ["src/none.ts"],
    report: "coverage/lcov.info",
  });
  // An older report is passed over for a younger one.
  const old = new Date(Date.UTC(2000, 1, 1));
  utimesSync(join(repo.path, "coverage/lcov.info"), old, old);
  const python = { meta: {}, files: { "src/cover.ts": { executed_lines: [1, 2], missing_lines: [3] } } };
  repo.write("coverage.json", JSON.stringify(python));
  expect((await contents()).coverage).toMatchObject({ run: 2, lines: 4, report: "coverage.json" });
  // A link out of the repository is not followed.
  rmSync(join(repo.path, "coverage.json"));
  const outside = join(home, "outside.info");
  writeFileSync(outside, "SF:src/cover.ts\nDA:1,1\nend_of_record\n");
  symlinkSync(outside, join(repo.path, "lcov.info"));
  expect((await contents()).coverage).toBeNull();
});
