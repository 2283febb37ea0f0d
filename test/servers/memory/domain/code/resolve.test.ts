import { describe, expect, test } from "vitest";
import { codeGraph } from "../../../../../servers/memory/domain/code/code-graph.ts";
import type { CodeFacts, ImportFact } from "../../../../../servers/memory/domain/code/facts.ts";
import { grammarOf, isTestPath } from "../../../../../kernel/source-files.ts";
import { isManifest } from "../../../../../servers/memory/domain/code/language.ts";
import { readProject } from "../../../../../servers/memory/domain/code/project.ts";

/** Imports by file; names after a colon are those taken: "./b: f, g". */
function edgesOf(
  imports: Readonly<Record<string, readonly string[]>>,
  manifests: Readonly<Record<string, string>> = {},
  others: readonly string[] = [],
  packages: Readonly<Record<string, string>> = {},
): readonly string[] {
  const files = Object.entries(imports).map(([path, list]): [string, CodeFacts] => [
    path,
    {
      imports: list.map((text): ImportFact => {
        const [from = "", names = ""] = text.split(": ");
        const taken = names === "" ? [] : names.split(", ");
        return { from, names: taken.map((name) => ({ name, local: name })) };
      }),
      symbols:
        packages[path] === undefined
          ? []
          : [
              {
                name: path.replace(/^.*\/|\.java$/g, ""),
                kind: "Class",
                line: 1,
                extends: [],
                implements: [],
              },
            ],
      package: packages[path],
    },
  ]);
  const all = [...Object.keys(imports), ...Object.keys(manifests), ...others];
  const project = readProject(all, new Map(Object.entries(manifests)));
  return codeGraph(new Map(files), project)
    .filter(({ type, to }) => type === "DEPENDS_ON" && !to.name.includes("#"))
    .map(({ from, to }) => `${from.name} -> ${to.name}`);
}

describe("imports of TypeScript and JavaScript", () => {
  test.each([
    ["./b", ["src/b.ts"], "src/b.ts"],
    ["./b.js", ["src/b.ts"], "src/b.ts"],
    ["./b.js", ["src/b.js", "src/b.ts"], "src/b.js"],
    ["./b.mjs", ["src/b.mts"], "src/b.mts"],
    ["./b.ts", ["src/b.ts"], "src/b.ts"],
    ["./b", ["src/b/index.tsx"], "src/b/index.tsx"],
    [".", ["src/index.ts"], "src/index.ts"],
    ["..", ["index.js"], "index.js"],
    ["../c.json", ["c.json"], "c.json"],
    ["./icon.svg?url", ["src/icon.svg"], "src/icon.svg"],
    ["./missing", ["src/b.ts"], undefined],
    ["../../above", ["above.ts"], undefined],
    ["zod", [], "zod"],
    ["@scope/name/deep", [], "@scope/name"],
    ["node:fs", [], undefined],
  ])("%s with %j is %s", (from, others, target) => {
    expect(edgesOf({ "src/a.ts": [from] }, {}, others)).toEqual(
      target === undefined ? [] : [`src/a.ts -> ${target}`],
    );
  });

  test("paths and baseUrl of the nearest tsconfig, with comments, trailing commas and a base", () => {
    const manifests = {
      "tsconfig.base.json": `{ // base
        "compilerOptions": { "baseUrl": "./lib", "paths": { "#x/*": ["x/*"], "*": ["*"], }, } }`,
      "tsconfig.json": '{ "extends": "./tsconfig.base" }',
      "app/tsconfig.json":
        '{ "compilerOptions": { "paths": { "@/*": ["./src/*"], "@/deep/*": ["./d/*"] } } }',
    };
    const others = ["lib/x/y.ts", "lib/plain.ts", "app/src/q.ts", "app/d/z.ts"];
    expect(
      edgesOf({ "a.ts": ["#x/y", "plain"], "app/b.ts": ["@/q", "@/deep/z"] }, manifests, others),
    ).toEqual([
      "a.ts -> lib/x/y.ts",
      "a.ts -> lib/plain.ts",
      "app/b.ts -> app/src/q.ts",
      "app/b.ts -> app/d/z.ts",
    ]);
  });

  test("a package of the same tree by its name, its exports and its own imports", () => {
    const manifests = {
      "packages/ui/package.json":
        '{ "name": "@me/ui", "exports": { ".": { "types": "./dist/index.d.ts", "default": "./dist/index.js" }, "./deep/*": "./dist/deep/*.js" }, "imports": { "#own": "./src/own.ts" } }',
      "packages/plain/package.json": '{ "name": "plain", "main": "lib/main.js" }',
    };
    const others = ["packages/ui/src/index.ts", "packages/ui/src/deep/a.ts", "packages/ui/src/own.ts"];
    expect(
      edgesOf(
        {
          "app/a.ts": ["@me/ui", "@me/ui/deep/a", "plain", "plain/lib/main.js"],
          "packages/ui/src/b.ts": ["#own"],
        },
        manifests,
        [...others, "packages/plain/lib/main.js"],
      ),
    ).toEqual([
      "app/a.ts -> packages/ui/src/index.ts",
      "app/a.ts -> packages/ui/src/deep/a.ts",
      "app/a.ts -> packages/plain/lib/main.js",
      "packages/ui/src/b.ts -> packages/ui/src/own.ts",
    ]);
  });

  test("a configuration that includes itself, and one that is no JSON, count as none", () => {
    const manifests = {
      "tsconfig.json": '{ "extends": "./tsconfig.json" }',
      "x/tsconfig.json": "{ nonsense",
    };
    expect(edgesOf({ "x/a.ts": ["./b"] }, manifests, ["x/b.ts"])).toEqual(["x/a.ts -> x/b.ts"]);
  });
});

test("imports of Python: relative, packages, src, scripts, and modules taken as names", () => {
  const files = {
    "src/pkg/__init__.py": [],
    "src/pkg/a.py": [".: b", ".sub.c: f", "..x: y", "pkg.sub", "pkg.b: g", "os.path", "pkg.sub: c, VALUE"],
    "src/pkg/b.py": [],
    "src/pkg/sub/__init__.py": [],
    "src/pkg/sub/c.py": ["..: b", "...: nothing"],
    "scripts/run.py": ["lib", "pkg"],
    "scripts/lib.py": [],
  };
  expect(edgesOf(files)).toEqual([
    "src/pkg/a.py -> src/pkg/b.py",
    "src/pkg/a.py -> src/pkg/sub/c.py",
    "src/pkg/a.py -> src/pkg/sub/__init__.py",
    "src/pkg/a.py -> os",
    "src/pkg/sub/c.py -> src/pkg/b.py",
    "scripts/run.py -> scripts/lib.py",
    "scripts/run.py -> src/pkg/__init__.py",
  ]);
});

test("imports of Go: every file of the package but its tests, in the module that is nearest by name", () => {
  const manifests = {
    "go.mod": "module example.org/m\n\ngo 1.22\n",
    "tools/go.mod": "module example.org/m/tools\n",
  };
  const files = {
    "main.go": ["fmt", "example.org/m/util", "example.org/m/tools/gen", "github.com/x/y"],
    "util/a.go": [],
    "util/b.go": [],
    "util/a_test.go": ["example.org/m"],
    "tools/gen/g.go": [],
  };
  expect(edgesOf(files, manifests)).toEqual([
    "main.go -> util/a.go",
    "main.go -> util/b.go",
    "main.go -> tools/gen/g.go",
    "main.go -> github.com/x/y",
    "util/a_test.go -> main.go",
  ]);
});

test("imports of Rust: modules, crate, self, super, other crates of the tree", () => {
  const manifests = {
    "app/Cargo.toml": '[package]\nname = "my-app"\nversion = "1.0.0"\n',
    "core/Cargo.toml": '[package]\nname = "the-core"\n',
  };
  const files = {
    "app/src/main.rs": ["mod a", "mod b", "the_core::deep::Thing", "serde::de", "std::fs", "a::inner::f"],
    "app/src/a.rs": ["mod inner", "super::b::X", "crate::b::y::Z"],
    "app/src/a/inner.rs": ["super::g", "super::super::b"],
    "app/src/b/mod.rs": ["mod y", "self::y::Z"],
    "app/src/b/y.rs": [],
    "core/src/lib.rs": ["mod deep"],
    "core/src/deep.rs": [],
  };
  expect(edgesOf(files, manifests)).toEqual([
    "app/src/main.rs -> app/src/a.rs",
    "app/src/main.rs -> app/src/b/mod.rs",
    "app/src/main.rs -> core/src/deep.rs",
    "app/src/main.rs -> app/src/a/inner.rs",
    "app/src/main.rs -> serde",
    "app/src/a.rs -> app/src/a/inner.rs",
    "app/src/a.rs -> app/src/b/mod.rs",
    "app/src/a.rs -> app/src/b/y.rs",
    "app/src/a/inner.rs -> app/src/a.rs",
    "app/src/a/inner.rs -> app/src/b/mod.rs",
    "app/src/b/mod.rs -> app/src/b/y.rs",
    "core/src/lib.rs -> core/src/deep.rs",
  ]);
});

test("imports of Java: types, stars, static members, and the own package's types without any", () => {
  const files = {
    "src/main/java/a/A.java": ["b.B: B", "c.*: *", "b.B.make: make", "a.Near: Near", "java.util.List: List"],
    "src/main/java/a/Near.java": [],
    "src/main/java/b/B.java": [],
    "src/main/java/c/C.java": [],
    "src/main/java/c/D.java": [],
  };
  const packages = Object.fromEntries(Object.keys(files).map((path) => [path, path.split("/")[3] ?? ""]));
  expect(edgesOf(files, {}, [], packages)).toEqual([
    "src/main/java/a/A.java -> src/main/java/b/B.java",
    "src/main/java/a/A.java -> src/main/java/c/C.java",
    "src/main/java/a/A.java -> src/main/java/c/D.java",
    "src/main/java/a/A.java -> src/main/java/a/Near.java",
  ]);
});

test("languages, tests and manifests are told by the path", () => {
  expect(
    ["a.ts", "a.d.mts", "b.tsx", "c.cjs", "d.pyi", "e.go", "f.rs", "G.java", "h.rb", "Makefile"].map(
      grammarOf,
    ),
  ).toEqual([
    "typescript",
    "typescript",
    "tsx",
    "javascript",
    "python",
    "go",
    "rust",
    "java",
    undefined,
    undefined,
  ]);
  const tests = [
    "test/a.ts",
    "src/a.test.ts",
    "a_test.go",
    "test_x.py",
    "x_test.py",
    "src/test/java/ATest.java",
    "a.spec.jsx",
  ];
  expect(tests.filter((path) => !isTestPath(path))).toEqual([]);
  expect(["src/latest.ts", "contest.py", "src/attest/a.go", "testing.rs"].filter(isTestPath)).toEqual([]);
  expect(
    ["package.json", "a/tsconfig.build.json", "go.mod", "x/Cargo.toml", "data.json"].filter(isManifest),
  ).toHaveLength(4);
});
