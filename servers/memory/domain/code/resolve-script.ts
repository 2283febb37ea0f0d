import { foldersUp, folderOf, joined, within } from "./path.ts";
import { nearest, type Project, type ScriptPackage } from "./project.ts";

const ENDINGS = ["", ".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"];

/** What a compiled name may have been before: TypeScript's imports name the file that will run. */
const SOURCES: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\.js$/, [".ts", ".tsx", ".d.ts"]],
  [/\.jsx$/, [".tsx"]],
  [/\.mjs$/, [".mts", ".d.mts"]],
  [/\.cjs$/, [".cts", ".d.cts"]],
];

/**
 * The file that an import of JavaScript or TypeScript means: relative, by index, by `paths` and `baseUrl` of the
 * nearest tsconfig.json, by `imports` of the own package, or another package of the same tree.
 */
export function resolveScript(from: string, importer: string, project: Project): string | undefined {
  const folder = folderOf(importer);
  // Bundlers put their wishes behind the name: "./icon.svg?url".
  const name = from.replace(/(?<=.)[?#].*$/s, "");
  if (/^\.{1,2}(?:\/|$)/.test(name)) return fileAt(joined(folder, name), project);
  return byConfig(name, folder, project) ?? byPackage(name, folder, project);
}

/** The package an import that is no file of the tree names: `zod`, `@scope/name`; undefined for built-in modules. */
export function packageOf(from: string): string | undefined {
  if (/^(?:[./#]|node:|[a-z]+:\/\/|data:)/.test(from)) return undefined;
  return /^(?:@[\w.~-]+\/)?[\w.~-]+/.exec(from)?.[0];
}

function fileAt(path: string | undefined, project: Project): string | undefined {
  if (path === undefined) return undefined;
  for (const ending of ENDINGS) if (project.files.has(path + ending)) return path + ending;
  for (const [compiled, sources] of SOURCES) {
    if (!compiled.test(path)) continue;
    for (const source of sources) {
      const file = path.replace(compiled, source);
      if (project.files.has(file)) return file;
    }
  }
  if (!project.folders.has(path)) return undefined;
  const own = project.packages.find(({ folder }) => folder === path);
  for (const main of [...(own?.mains ?? []), "index"]) {
    const target = joined(path, main);
    const file = target === path ? undefined : fileAt(target, project);
    if (file !== undefined) return file;
  }
  return undefined;
}

function byConfig(name: string, folder: string, project: Project): string | undefined {
  const config = nearest(project.scriptConfigs, folder)?.value;
  if (config === undefined) return undefined;
  for (const target of targetsFor(name, config.paths)) {
    const file = fileAt(target, project);
    if (file !== undefined) return file;
  }
  return config.baseUrl === undefined ? undefined : fileAt(joined(config.baseUrl, name), project);
}

/** The targets of the best pattern, with the star filled in. Source: TypeScript handbook, path mapping: longest prefix wins. */
function targetsFor(
  name: string,
  patterns: readonly { readonly pattern: string; readonly targets: readonly string[] }[],
): readonly string[] {
  let best: { readonly prefix: number; readonly targets: readonly string[] } | undefined;
  for (const { pattern, targets } of patterns) {
    const [before = "", after] = pattern.split("*", 2);
    if (after === undefined) {
      if (pattern === name) return targets;
      continue;
    }
    const fits =
      name.startsWith(before) && name.endsWith(after) && name.length >= before.length + after.length;
    if (!fits || (best !== undefined && best.prefix >= before.length)) continue;
    const star = name.slice(before.length, name.length - after.length);
    best = { prefix: before.length, targets: targets.map((target) => target.replace("*", () => star)) };
  }
  return best?.targets ?? [];
}

function byPackage(name: string, folder: string, project: Project): string | undefined {
  if (name.startsWith("#")) {
    for (const up of foldersUp(folder)) {
      const own = project.packages.find((one) => one.folder === up);
      if (own !== undefined) return entryOf(own, name, project);
    }
    return undefined;
  }
  const wanted = packageOf(name);
  const other = wanted === undefined ? undefined : project.packages.find((one) => one.name === wanted);
  if (other === undefined || wanted === undefined) return undefined;
  const rest = name.slice(wanted.length + 1);
  const listed = entryOf(other, rest === "" ? "." : `./${rest}`, project);
  return listed ?? fileAt(within(other.folder, rest), project);
}

function entryOf(own: ScriptPackage, subpath: string, project: Project): string | undefined {
  for (const target of targetsFor(subpath, own.entries)) {
    const path = joined(own.folder, target);
    // What is built is not in the tree; its source usually is, under src.
    const file =
      fileAt(path, project) ??
      fileAt(path?.replace(/(^|\/)(?:dist|lib|build|out)\//, "$1src/"), project) ??
      fileAt(path?.replace(/(^|\/)(?:dist|lib|build|out)\//, "$1"), project);
    if (file !== undefined) return file;
  }
  return undefined;
}
