import { expect, test } from "vitest";
import { codeParser } from "../../../../servers/memory/adapters/code-parser.ts";
import type { Grammar } from "../../../../kernel/source-files.ts";

const parser = codeParser();

/** Facts in short: imports with what they take, symbols with their bases. */
async function read(grammar: Grammar, text: string): Promise<{ imports: string[]; symbols: string[] }> {
  const { imports = [], symbols = [] } = (await parser.parse(grammar, text)) ?? {};
  return {
    imports: imports.map(({ from, names }) =>
      [from, ...names.map(({ name, local }) => (name === local ? name : `${name} as ${local}`))].join(" "),
    ),
    symbols: symbols.map(({ name, kind, line, extends: bases, implements: kept }) =>
      [`${line} ${kind} ${name}`, ...bases.map((base) => `< ${base}`), ...kept.map((one) => `: ${one}`)].join(
        " ",
      ),
    ),
  };
}

test("TypeScript: every form of import, and what a file defines", async () => {
  const found = await read(
    "typescript",
    `import x = require("./a"); import type { A as B } from "b"; import * as n from "n"; import d, { q } from "d";
export * from "e"; export { z as y } from "f"; type T = import("./t").T; const a = await import(\`./dyn\`); require("./r");
require(computed); import(\`./\${x}\`);
export abstract class C extends D.E implements I<string>, J { m() { class Inner extends Z {} } f = () => 1 }
interface K extends L {}
export const arrow = async () => 1, LIMIT = 3;
const hidden = 1, local = function () {};
function over(a: string): void; function over(a: number): void; function over(a: unknown) {}`,
  );
  expect(found.imports).toEqual(["./a", "b A as B", "n", "d q", "e *", "f z as y", "./t", "./dyn", "./r"]);
  expect(found.symbols).toEqual([
    "2 Class T",
    "4 Class C < D.E : I : J",
    "4 Function C.m",
    "4 Class Inner < Z",
    "5 Class K < L",
    "6 Function arrow",
    "6 Constant LIMIT",
    "7 Function local",
    "8 Function over",
  ]);
});

test("JavaScript and JSX", async () => {
  expect(
    await read("javascript", `class A extends B {} const C = () => <D/>; module.exports = require('./q')`),
  ).toEqual({
    imports: ["./q"],
    symbols: ["1 Class A < B", "1 Function C"],
  });
  expect((await read("tsx", `const C = (): Node => <D<string> x={1}/>;`)).symbols).toEqual(["1 Function C"]);
});

test("Python", async () => {
  const found = await read(
    "python",
    "from . import a\nfrom .b.c import d as e, f\nfrom ..g import *\nimport os.path, x.y as z\nclass A(B, m.C, metaclass=M):\n  def m(self):\n    def inner(): pass\n@dec\ndef f():\n  import lazy\n",
  );
  expect(found.imports).toEqual([". a", ".b.c d as e f", "..g *", "os.path", "x.y", "lazy"]);
  expect(found.symbols).toEqual(["5 Class A < B < m.C", "6 Function A.m", "9 Function f"]);
});

test("Go", async () => {
  const found = await read(
    "go",
    'package main\nimport ("fmt"; u "example.org/m/util"; _ `x/y`)\ntype S struct { Base }\ntype I interface { M() }\nfunc (s *S) M() {}\nfunc F() {}\n',
  );
  expect(found.imports).toEqual(["fmt", "example.org/m/util", "x/y"]);
  expect(found.symbols).toEqual(["3 Class S", "4 Class I", "5 Function S.M", "6 Function F"]);
});

test("Rust", async () => {
  const found = await read(
    "rust",
    'mod a; mod b { fn x() {} }\nuse crate::x::{self, y::Z, w as v}; use super::q::*; use serde::de;\n#[path = "p.rs"] mod p;\nstruct S; trait T: U {} impl T for S { fn m(&self) { fn deep() {} } } fn f() {}',
  );
  expect(found.imports).toEqual([
    "mod a",
    "crate::x x",
    "crate::x::y::Z Z",
    "crate::x::w w",
    "super::q q",
    "serde::de de",
    "mod p.rs",
  ]);
  expect(found.symbols).toEqual([
    "1 Function x",
    "4 Class S : T",
    "4 Class T < U",
    "4 Function S.m",
    "4 Function f",
  ]);
});

test("Java", async () => {
  const found = await read(
    "java",
    "package a.b;\nimport c.D; import static c.F.g; import h.*;\npublic class A extends B<C> implements I { void m(D d) {} }\nenum E { X }\n",
  );
  expect(found.imports).toEqual(["c.D D", "c.F.g g", "h.* *", "a.b.B B", "a.b.C C", "a.b.I I", "a.b.D D"]);
  expect(found.symbols).toEqual(["3 Class A < B : I", "3 Function A.m", "4 Class E"]);
});

test("broken text is read as far as it makes sense", async () => {
  const grammars: readonly Grammar[] = ["typescript", "tsx", "javascript", "python", "go", "rust", "java"];
  for (const grammar of grammars)
    for (const text of ["", "\u0000\uffff{{{", "(".repeat(300), "import {", "class", "\ud800 import"])
      expect(await parser.parse(grammar, text)).toMatchObject({ imports: [] });
  expect((await read("typescript", `import { a } from "./a"; const = = ; function ok() {}`)).imports).toEqual(
    ["./a a"],
  );
});

test("text that takes a parser for ever is given up, and the next one is read as before", async () => {
  expect(await parser.parse("typescript", "(".repeat(900_000))).toBeUndefined();
  // This one is parsed soon, and then a query goes through it for ever.
  expect(await parser.parse("typescript", "(\n".repeat(150_000))).toBeUndefined();
  expect((await read("typescript", `import { a } from "./a";`)).imports).toEqual(["./a a"]);
});
