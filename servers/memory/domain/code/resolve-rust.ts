import { folderOf, within } from "./path.ts";
import { nearest, type Project } from "./project.ts";

/**
 * The file an import of Rust means. `mod a` names a file beside or below; a path of `use` is followed from `crate`,
 * `self`, `super`, another crate of the tree or the module itself, as far as there are files.
 */
export function resolveRust(from: string, importer: string, project: Project): string | undefined {
  const children = childFolder(importer);
  if (from.startsWith("mod ")) {
    const name = from.slice(4);
    // `#[path]` is written relative to the folder of the file.
    if (name.endsWith(".rs")) return existing(within(folderOf(importer), name), project);
    return moduleAt(within(children, name), project);
  }
  const [first = "", ...rest] = from.split("::");
  const crate = nearest(project.crates, folderOf(importer));
  const source = within(crate?.folder ?? "", "src");
  switch (first) {
    case "crate":
      return follow(source, rest, rootOf(source, project), project);
    case "self":
      return follow(children, rest, undefined, project, importer);
    case "super": {
      let base = parentModule(children);
      let left = rest;
      while (left[0] === "super") [base, left] = [parentModule(base), left.slice(1)];
      return follow(base, left, moduleAt(base, project) ?? rootOf(base, project), project, importer);
    }
    default: {
      const other = [...project.crates].find(([, name]) => name === first);
      if (other !== undefined) {
        const src = within(other[0], "src");
        return follow(src, rest, rootOf(src, project), project);
      }
      // Since the 2018 edition a path may start with a module of the file itself.
      const local = moduleAt(within(children, first), project);
      return local === undefined ? undefined : follow(within(children, first), rest, local, project);
    }
  }
}

/** Where the modules that a file declares live. */
function childFolder(path: string): string {
  return /(?:^|\/)(?:lib|main|mod)\.rs$/.test(path) ? folderOf(path) : path.replace(/\.rs$/, "");
}

function parentModule(folder: string): string {
  return folderOf(folder);
}

function existing(path: string, project: Project): string | undefined {
  return project.files.has(path) ? path : undefined;
}

function moduleAt(path: string, project: Project): string | undefined {
  return existing(`${path}.rs`, project) ?? existing(within(path, "mod.rs"), project);
}

function rootOf(folder: string, project: Project): string | undefined {
  return existing(within(folder, "lib.rs"), project) ?? existing(within(folder, "main.rs"), project);
}

/** The deepest module along the path; the importer itself is no dependency. */
function follow(
  base: string,
  parts: readonly string[],
  start: string | undefined,
  project: Project,
  importer?: string,
): string | undefined {
  let found = start;
  let folder = base;
  for (const part of parts) {
    folder = within(folder, part);
    const next = moduleAt(folder, project);
    if (next === undefined) break;
    found = next;
  }
  return found === importer ? undefined : found;
}
