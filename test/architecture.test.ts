import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Import, parse, readSources, type Source } from "./support/imports.ts";

/** Innermost first: a file imports from its own layer and from those before it. */
const layers: Readonly<Record<string, number>> = {
  domain: 0,
  store: 1,
  adapters: 1,
  deps: 2,
  tools: 3,
  resources: 3,
  prompts: 3,
  server: 4,
  config: 5,
  cli: 5,
  index: 5,
  main: 5,
};
const mcpDoors = /^(kernel\/mcp\/|orchestrator\/(call|hosts|gateway)\.ts$)/;
const serverDoors = /^(bin\/|orchestrator\/(hosts|gateway)\.ts$)/;
const readsEnvironment = /^(bin\/|kernel\/home\.ts$|(.+\/)?config\.ts$)/;
const writesToStdout = /^(bin\/|servers\/[^/]+\/cli\/|orchestrator\/cli\/)/;
const impurePackage = /^(node:|zod(\/|$)|@modelcontextprotocol\/)/;
const impureCall =
  /\b(Date\.now|Math\.random|performance\.now|setTimeout|setInterval|fetch)\s*\(|\bnew\s+Date\s*\(\s*\)/;

interface Place {
  readonly room: string;
  readonly server?: string;
  readonly layer?: string;
}

function placeOf(path: string): Place {
  const [room = "", server = "", layer = ""] = path.split("/");
  return room === "servers" ? { room, server, layer: layer.replace(/\.ts$/, "") } : { room };
}

function importBreach(from: Source, imported: Import): string | undefined {
  const { path } = from;
  const { target, typeOnly, specifier } = imported;
  if (specifier === undefined) return "imports a computed name, which can't be checked";
  if (target.startsWith("@modelcontextprotocol/") && !mcpDoors.test(path))
    return `imports ${target}, a door of kernel/mcp`;
  const here = placeOf(path);
  if (here.layer === "domain" && impurePackage.test(target)) return `is domain and imports ${target}`;
  if (!specifier.startsWith(".")) return undefined;
  if (!target.endsWith(".ts") && !target.endsWith(".json"))
    return `imports ${specifier} without its .ts ending`;
  const there = placeOf(target);
  if (here.room === "kernel" && there.room !== "kernel") return `is kernel and imports ${target}`;
  if (here.room === "servers") return serverBreach(here, there, imported);
  if (here.room === "orchestrator" && there.room === "bin")
    return `imports ${target}: bin is the outermost room`;
  if (there.room === "servers" && !serverDoors.test(path)) {
    if (there.layer !== "index") return `imports ${target}: only a server's index.ts is its outside`;
    if (!typeOnly) return `loads ${target}: use import type, or connect over MCP`;
  }
  return undefined;
}

function serverBreach(here: Place, there: Place, { target }: Import): string | undefined {
  if (there.room === "kernel") return undefined;
  if (there.room !== "servers") return `is a server and imports ${target}`;
  if (there.server !== here.server) return `imports another server, ${target}`;
  const [from, to] = [layers[here.layer ?? ""], layers[there.layer ?? ""]];
  if (from === undefined || to === undefined) return undefined; // the file without a layer is its own breach
  return to > from ? `is ${here.layer} and imports outwards, ${target}` : undefined;
}

function codeBreaches({ path, code, strings }: Source): string[] {
  const breaches: string[] = [];
  const { layer } = placeOf(path);
  if (layer !== undefined && layers[layer] === undefined)
    breaches.push(`has no layer: ${layer} is not one of ${Object.keys(layers).join(", ")}`);
  if (/(^|\/)(utils?|commons?|helpers?)(\/|\.ts$)/.test(path))
    breaches.push("is a drawer: name it for what it holds");
  if (/\bexport\s+default\b|\bas\s+default\b/.test(code)) breaches.push("has a default export");
  if (/\bexport\s*\*/.test(code)) breaches.push("has an export *");
  if (/(^|[;{}\n])\s*(await\s+)?using\s+[\w$]+\s*[=:]/.test(code))
    breaches.push("uses `using`, which Node 22 can't parse");
  const env = [...code.matchAll(/\bprocess\s*\??\.?\s*\[\s*"(\d+)"/g)].some(
    ([, index]) => strings[Number(index)] === "env",
  );
  if (
    (env || /\bprocess\s*\??\.\s*env\b|\{\s*env\b[^}]*\}\s*=\s*process\b/.test(code)) &&
    !readsEnvironment.test(path)
  ) {
    breaches.push("reads process.env outside config.ts");
  }
  if (
    /\bconsole\s*\.\s*(log|info|debug|table|dir)\b|\bprocess\s*\.\s*stdout\b/.test(code) &&
    !writesToStdout.test(path)
  ) {
    breaches.push("writes to stdout, which belongs to the protocol");
  }
  if (layer === "domain" && impureCall.test(code))
    breaches.push("is domain and uses clock, randomness, timers or the network");
  return breaches;
}

/** What a domain file loads through others: kernel files count by what they load in turn. */
function impureReach(start: string, sources: ReadonlyMap<string, Source>): string | undefined {
  const seen = new Set([start]);
  for (const path of seen) {
    for (const { target, typeOnly } of sources.get(path)?.imports ?? []) {
      if (typeOnly) continue;
      if (path !== start && impurePackage.test(target))
        return `is domain and reaches ${target} through ${path}`;
      seen.add(target);
    }
  }
  return undefined;
}

/** Every breach of the import rules in `files` (repository path to text), one line each. */
function findBreaches(files: ReadonlyMap<string, string>): string[] {
  const sources = new Map([...files].map(([path, text]) => [path, parse(path, text)]));
  return [...sources.values()].flatMap((source) => {
    const reached = placeOf(source.path).layer === "domain" ? impureReach(source.path, sources) : undefined;
    const found = [
      ...source.imports.map((imported) => importBreach(source, imported)),
      ...codeBreaches(source),
      reached,
    ];
    return found.filter((breach) => breach !== undefined).map((breach) => `${source.path} ${breach}`);
  });
}

describe("the rules themselves", () => {
  test.each<[rule: string, path: string, text: string, breach: RegExp]>([
    [
      "kernel imports nothing of ours",
      "kernel/a.ts",
      'import { b } from "../servers/tasks/index.ts";',
      /is kernel/,
    ],
    [
      "not as a type either",
      "kernel/a.ts",
      'import type { b } from "../orchestrator/run/fold.ts";',
      /is kernel/,
    ],
    [
      "a server never imports another",
      "servers/git/tools/a.ts",
      'export { b } from "../../tasks/domain/b.ts";',
      /another server/,
    ],
    [
      "nor the orchestrator",
      "servers/git/server.ts",
      'import "../../orchestrator/main.ts";',
      /is a server and/,
    ],
    [
      "store does not know tools",
      "servers/git/store/a.ts",
      'import { b } from "../tools/b.ts";',
      /is store and imports outwards/,
    ],
    [
      "tools do not know the server, not even its types",
      "servers/git/tools/a.ts",
      'import type { D } from "../server.ts";',
      /imports outwards/,
    ],
    [
      "the server does not know config",
      "servers/git/server.ts",
      'import { c } from "./config.ts";',
      /imports outwards/,
    ],
    [
      "domain is inside the store",
      "servers/git/domain/a.ts",
      'import type { S } from "../store/s.ts";',
      /imports outwards/,
    ],
    [
      "domain has no node:",
      "servers/git/domain/a.ts",
      'import { join } from "node:path";',
      /domain and imports node:path/,
    ],
    [
      "domain has no zod",
      "servers/git/domain/a.ts",
      'import type { z } from "zod";',
      /domain and imports zod/,
    ],
    ["domain has no clock", "servers/git/domain/a.ts", "export const now = () => Date.now();", /uses clock/],
    [
      "domain has no date of today",
      "servers/git/domain/a.ts",
      "export const now = () => new Date();",
      /uses clock/,
    ],
    ["a layer has to be known", "servers/git/misc/a.ts", "export const a = 1;", /has no layer/],
    [
      "the orchestrator loads no server",
      "orchestrator/run/a.ts",
      'import { b } from "../../servers/git/index.ts";',
      /loads/,
    ],
    ["not lazily", "orchestrator/run/a.ts", 'const b = await import("../../servers/git/index.ts");', /loads/],
    [
      "a named type import still loads",
      "orchestrator/a.ts",
      'import { type B } from "../servers/git/index.ts";',
      /loads/,
    ],
    [
      "nor looks inside one",
      "orchestrator/a.ts",
      'import type { B } from "../servers/git/domain/b.ts";',
      /its outside/,
    ],
    [
      "only doors import the SDK",
      "servers/git/server.ts",
      'import { M } from "@modelcontextprotocol/server";',
      /door/,
    ],
    ["computed imports are refused", "bin/a.ts", "await import(`../servers/${name}/main.ts`);", /computed/],
    ["endings are written out", "kernel/a.ts", 'import { b } from "./b.js";', /without its \.ts/],
    ["no drawers by folder", "kernel/utils/a.ts", "export const a = 1;", /drawer/],
    ["no drawers by name", "orchestrator/helpers.ts", "export const a = 1;", /drawer/],
    ["no default exports", "kernel/a.ts", "export default function a() {}", /default export/],
    ["not renamed either", "kernel/a.ts", "const a = 1; export { a as default };", /default export/],
    ["no export *", "kernel/a.ts", 'export * from "./b.ts";', /export \*/],
    ["no process.env", "servers/git/store/a.ts", "const home = process.env.HOME;", /process\.env/],
    ["not in brackets", "servers/git/store/a.ts", 'const home = process["env"];', /process\.env/],
    ["not taken apart", "orchestrator/a.ts", "const { env } = process;", /process\.env/],
    ["no console.log", "servers/git/tools/a.ts", "console.log(1);", /stdout/],
    ["no process.stdout", "kernel/a.ts", "process.stdout.write('x');", /stdout/],
    ["no using", "kernel/a.ts", "{\n  using a = open();\n}", /Node 22/],
    [
      "inside a template's expression too",
      "kernel/a.ts",
      "const a = `x ${`y ${process.env.A}`} z`;",
      /process\.env/,
    ],
    [
      "after a regular expression with a quote",
      "kernel/a.ts",
      'const a = /["/]/; console.log("x");',
      /stdout/,
    ],
  ])("%s", (_rule, path, text, breach) => {
    expect(findBreaches(new Map([[path, text]]))).toEqual([expect.stringMatching(breach)]);
  });

  test("domain does not reach node: through the kernel", () => {
    const files = new Map([
      ["servers/git/domain/a.ts", 'import { b } from "../../../kernel/b.ts";'],
      ["kernel/b.ts", 'import { c } from "./c.ts";'],
      ["kernel/c.ts", 'import { randomBytes } from "node:crypto";'],
    ]);
    expect(findBreaches(files)).toEqual([expect.stringContaining("reaches node:crypto through kernel/c.ts")]);
  });

  test.each([
    [
      "servers/git/tools/a.ts",
      'import { z } from "zod";\nimport { b } from "../domain/b.ts";\nimport type { G } from "../store/g.ts";\nimport type { D } from "../deps.ts";',
    ],
    [
      "servers/git/index.ts",
      'export { createGitServer } from "./server.ts";\nexport type { Config } from "./config.ts";',
    ],
    ["servers/git/config.ts", "export const read = () => process.env;"],
    ["servers/git/cli/check.ts", "process.stdout.write('ok');"],
    [
      "orchestrator/run/a.ts",
      'import type { T } from "../../servers/tasks/index.ts";\nimport { k } from "../../kernel/k.ts";',
    ],
    [
      "orchestrator/gateway.ts",
      'import { T } from "../servers/tasks/index.ts";\nimport { S } from "@modelcontextprotocol/server";',
    ],
    ["bin/main.ts", 'const { main } = await import("../servers/tasks/main.ts");\nconsole.log(process.env);'],
    [
      "kernel/a.ts",
      '// import "../servers/x.ts"\nconst a = "console.log(process.env)"; /* export default */ const b = `export * from ${a}`;',
    ],
    [
      "kernel/b.ts",
      "const using = 1; const half = using / 2; const s = 'it\\'s'; export { using, half, s };",
    ],
  ])("%s may do what its layer is for", (path, text) => {
    expect(findBreaches(new Map([[path, text]]))).toEqual([]);
  });
});

test("the sources keep the import rules", () => {
  const root = join(import.meta.dirname, "..");
  const folders = ["bin", "kernel", "servers", "orchestrator"].filter((folder) =>
    existsSync(join(root, folder)),
  );
  const files = readSources(root, folders);
  expect(files.size).toBeGreaterThan(10);
  expect(findBreaches(files)).toEqual([]);
});
