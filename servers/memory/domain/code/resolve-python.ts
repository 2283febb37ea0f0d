import type { ImportFact } from "./facts.ts";
import { foldersUp, folderOf, within } from "./path.ts";
import type { Project } from "./project.ts";

/** A file an import means, and the names taken from it; none where the whole module is taken. */
export interface Target {
  readonly path: string;
  readonly names: readonly string[];
}

/**
 * The files an import of Python means. Relative ones climb by their dots; absolute ones are looked for beside the
 * outermost package of the importer, at the top, under `src`, then beside the importer as for a script.
 * `from a import b` means the module `a.b` where there is one.
 */
export function resolvePython(
  { from, names }: ImportFact,
  importer: string,
  project: Project,
): readonly Target[] {
  const dots = /^\.*/.exec(from)?.[0].length ?? 0;
  const dotted = from.slice(dots);
  const path = dotted.replaceAll(".", "/");
  const folder = folderOf(importer);
  for (const base of dots > 0 ? above(folder, dots) : basesOf(folder, project)) {
    const module = within(base, path);
    const file = moduleAt(module, project);
    const targets: Target[] = [];
    const own: string[] = [];
    for (const { name } of names) {
      const inner = name === "*" ? undefined : moduleAt(within(module, name), project);
      if (inner === undefined) own.push(name);
      else targets.push({ path: inner, names: [] });
    }
    if (file !== undefined && (names.length === 0 || own.length > 0))
      targets.push({ path: file, names: own });
    // Importing a.b runs a/__init__.py too, but only where the import names that package does it depend on it.
    if (targets.length > 0) return targets;
  }
  return [];
}

function above(folder: string, dots: number): readonly string[] {
  const base = foldersUp(folder)[dots - 1];
  return base === undefined ? [] : [base];
}

function basesOf(folder: string, project: Project): readonly string[] {
  const outermost = foldersUp(folder).find((up) => !isPackage(up, project)) ?? "";
  return [...new Set([outermost, "", "src", folder, ...foldersUp(folder)])];
}

function isPackage(folder: string, project: Project): boolean {
  return (
    project.files.has(within(folder, "__init__.py")) || project.files.has(within(folder, "__init__.pyi"))
  );
}

function moduleAt(path: string, project: Project): string | undefined {
  return [`${path}.py`, `${path}/__init__.py`, `${path}.pyi`, `${path}/__init__.pyi`]
    .map((file) => file.replace(/^\//, ""))
    .find((file) => project.files.has(file));
}
