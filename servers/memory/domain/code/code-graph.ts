import type { CodeFacts, ImportFact, SymbolFact } from "./facts.ts";
import { isTestPath } from "../../../../kernel/source-files.ts";
import { languageOf } from "./language.ts";
import type { Project } from "./project.ts";
import { goPackages, resolveGo } from "./resolve-go.ts";
import { resolvePython, type Target } from "./resolve-python.ts";
import { resolveRust } from "./resolve-rust.ts";
import { packageOf, resolveScript } from "./resolve-script.ts";

export interface CodeNode {
  readonly name: string;
  readonly type: "CodeModule" | "Test" | "Package" | SymbolFact["kind"];
}

export type CodeRelation = "DEPENDS_ON" | "DEFINES" | "EXTENDS" | "IMPLEMENTS" | "TESTS";

/** `from` needs, defines, extends or tests `to`. */
export interface CodeEdge {
  readonly from: CodeNode;
  readonly type: CodeRelation;
  readonly to: CodeNode;
}

/** The node of a file. A test is one by its path. */
export function moduleNode(path: string): CodeNode {
  return { name: path, type: isTestPath(path) ? "Test" : "CodeModule" };
}

/** The node of what a file defines: `src/db.ts#Pool.close`. */
function symbolNode(path: string, { name, kind }: SymbolFact): CodeNode {
  return { name: `${path}#${name}`, type: kind };
}

/** The name of a symbol's node without its file; undefined for other nodes. */
export function symbolOf(node: CodeNode): string | undefined {
  const at = node.name.indexOf("#");
  return at === -1 || node.type === "Package" ? undefined : node.name.slice(at + 1);
}

/**
 * The graph of a tree: who imports whom, who defines what, what extends, implements and tests what. Imports of what is
 * not in the tree lead to the package they name. Each edge once, none from a node to itself.
 */
export function codeGraph(files: ReadonlyMap<string, CodeFacts>, project: Project): readonly CodeEdge[] {
  const targetsOf = resolver(files, project);
  const imports = new Map([...files].map(([path, facts]) => [path, resolvedImports(path, facts, targetsOf)]));
  const symbols = new Map(
    [...files].map(([path, facts]) => [path, new Map(facts.symbols.map((one) => [one.name, one]))]),
  );
  const find = (path: string, name: string): CodeNode | undefined => {
    const seen = new Set<string>();
    const queue: (readonly [path: string, name: string])[] = [[path, name]];
    for (const [at, wanted] of queue) {
      const own = symbols.get(at)?.get(wanted);
      if (own !== undefined) return symbolNode(at, own);
      if (seen.has(`${at}#${wanted}`) || seen.size > MAX_HOPS) continue;
      seen.add(`${at}#${wanted}`);
      for (const { target, names } of imports.get(at)?.files ?? [])
        for (const taken of names)
          if (taken.name === "*" || taken.local === wanted)
            queue.push([target, taken.name === "*" ? wanted : taken.name]);
    }
    return undefined;
  };
  const edges = new EdgeSet();
  for (const [path, facts] of files) {
    const module = moduleNode(path);
    for (const symbol of facts.symbols) {
      const node = symbolNode(path, symbol);
      edges.add(module, "DEFINES", node);
      for (const [type, bases] of [
        ["EXTENDS", symbol.extends],
        ["IMPLEMENTS", symbol.implements],
      ] as const)
        for (const base of bases) edges.add(node, type, find(path, base));
    }
    const { files: targets, packages } = imports.get(path) ?? NOTHING;
    for (const { target, names } of targets) {
      const other = moduleNode(target);
      edges.add(module, "DEPENDS_ON", other);
      if (module.type === "Test" && other.type !== "Test") edges.add(module, "TESTS", other);
      for (const { name } of names) if (name !== "*") edges.add(module, "DEPENDS_ON", find(target, name));
    }
    for (const name of packages) edges.add(module, "DEPENDS_ON", { name, type: "Package" });
  }
  return edges.list;
}

/** How many re-exports a name is followed through. */
const MAX_HOPS = 50;

interface Resolved {
  readonly files: readonly { readonly target: string; readonly names: ImportFact["names"] }[];
  readonly packages: readonly string[];
}

const NOTHING: Resolved = { files: [], packages: [] };

function resolvedImports(path: string, facts: CodeFacts, targetsOf: TargetsOf): Resolved {
  const files: { target: string; names: ImportFact["names"] }[] = [];
  const packages = new Set<string>();
  for (const one of facts.imports) {
    const { targets, outside } = targetsOf(one, path);
    for (const { path: target, names } of targets)
      files.push({ target, names: one.names.filter(({ name }) => names.includes(name)) });
    if (targets.length === 0 && outside !== undefined) packages.add(outside);
  }
  return { files, packages: [...packages] };
}

type TargetsOf = (
  one: ImportFact,
  importer: string,
) => { readonly targets: readonly Target[]; readonly outside: string | undefined };

function resolver(files: ReadonlyMap<string, CodeFacts>, project: Project): TargetsOf {
  const packages = goPackages(files.keys());
  const classes = javaClasses(files);
  const whole = ({ names }: ImportFact, path: string | undefined): readonly Target[] =>
    path === undefined ? [] : [{ path, names: names.map(({ name }) => name) }];
  return (one, importer) => {
    const { from } = one;
    switch (languageOf(importer)) {
      case "script":
        return { targets: whole(one, resolveScript(from, importer, project)), outside: packageOf(from) };
      case "python":
        return {
          targets: resolvePython(one, importer, project),
          outside: from.startsWith(".") ? undefined : from.split(".", 1)[0],
        };
      case "go": {
        const targets = resolveGo(from, packages, project).map((path) => ({ path, names: [] }));
        // The standard library has no dot in its first segment. Source: Go command documentation, import paths.
        return { targets, outside: /^[^/]*\./.test(from) ? from : undefined };
      }
      case "rust":
        return { targets: whole(one, resolveRust(from, importer, project)), outside: crateOf(from) };
      case "java":
        return { targets: javaTargets(one, importer, classes), outside: undefined };
      case undefined:
        return { targets: [], outside: undefined };
    }
  };
}

function crateOf(from: string): string | undefined {
  const first = from.split("::", 1)[0] ?? "";
  return /^(?:mod .*|crate|self|super|std|core|alloc)$/.test(first) ? undefined : first;
}

/** Java files by the full names of their types, and by package under "package.*". */
function javaClasses(files: ReadonlyMap<string, CodeFacts>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const add = (name: string, path: string): void => {
    found.set(name, [...(found.get(name) ?? []), path]);
  };
  for (const [path, facts] of files) {
    if (languageOf(path) !== "java") continue;
    const prefix = facts.package === undefined ? "" : `${facts.package}.`;
    add(`${prefix}*`, path);
    for (const { name, kind } of facts.symbols) if (kind === "Class") add(`${prefix}${name}`, path);
  }
  return found;
}

/** An import names a type, a package with a star, or a member of a type. */
function javaTargets(
  { from, names }: ImportFact,
  importer: string,
  classes: ReadonlyMap<string, readonly string[]>,
): readonly Target[] {
  for (let name = from; name !== ""; name = name.slice(0, Math.max(0, name.lastIndexOf(".")))) {
    const paths = classes.get(name);
    if (paths === undefined) continue;
    return paths
      .filter((path) => path !== importer)
      .map((path) => ({ path, names: names.map((one) => one.name) }));
  }
  return [];
}

class EdgeSet {
  readonly list: CodeEdge[] = [];
  readonly #seen = new Set<string>();

  add(from: CodeNode, type: CodeRelation, to: CodeNode | undefined): void {
    if (to === undefined || from.name === to.name) return;
    const key = `${from.name}\n${type}\n${to.name}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.list.push({ from, type, to });
  }
}
