/** A tree as we account for it: path to git mode and content digest. */
export type Manifest = Readonly<Record<string, readonly [mode: string, digest: string]>>;

/** What a write puts in, or takes out, of a tree. */
export interface ManifestChange {
  readonly set: readonly { readonly path: string; readonly mode: string; readonly digest: string }[];
  /** Files, or folders with all they hold. */
  readonly removed: readonly string[];
}

/** The tree after a change: removals first, then what was written. A file in the place of a folder replaces it. */
export function applyChange(manifest: Manifest, { set, removed }: ManifestChange): Manifest {
  const gone = new Set(removed);
  const entries = new Map(
    Object.entries(manifest).filter(([path]) => !prefixes(path).some((prefix) => gone.has(prefix))),
  );
  for (const { path, mode, digest } of set) entries.set(path, [mode, digest]);
  return Object.fromEntries(entries);
}

/** A path and every folder above it. */
function prefixes(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.map((_part, index) => parts.slice(0, index + 1).join("/"));
}

export type ChangeStatus = "added" | "modified" | "deleted";

/** What differs between two trees, by path. */
export function compareManifests(
  before: Manifest,
  after: Manifest,
): readonly { readonly path: string; readonly status: ChangeStatus }[] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return paths.flatMap((path): { path: string; status: ChangeStatus }[] => {
    const [old, now] = [before[path], after[path]];
    if (old === undefined) return [{ path, status: "added" }];
    if (now === undefined) return [{ path, status: "deleted" }];
    return old[0] === now[0] && old[1] === now[1] ? [] : [{ path, status: "modified" }];
  });
}

/** The mode git gives a regular file. */
export function gitMode(mode: number): "100644" | "100755" {
  return (mode & 0o100) === 0 ? "100644" : "100755";
}

export const LINK_MODE = "120000";
