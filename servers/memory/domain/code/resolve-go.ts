import { isTestPath } from "../../../../kernel/source-files.ts";
import { folderOf, within } from "./path.ts";
import type { Project } from "./project.ts";

/** The files of the package that an import of Go means, tests left out; empty for what is not in the tree. */
export function resolveGo(
  from: string,
  goFiles: ReadonlyMap<string, readonly string[]>,
  project: Project,
): readonly string[] {
  for (const [folder, module] of [...project.goModules].sort(([, a], [, b]) => b.length - a.length)) {
    if (from !== module && !from.startsWith(`${module}/`)) continue;
    return goFiles.get(within(folder, from.slice(module.length + 1))) ?? [];
  }
  return [];
}

/** Go files by folder, without tests. */
export function goPackages(paths: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  return Map.groupBy(
    [...paths].filter((path) => path.endsWith(".go") && !isTestPath(path)),
    folderOf,
  );
}
