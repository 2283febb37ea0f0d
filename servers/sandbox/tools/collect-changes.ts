import { readTree } from "../adapters/files.ts";
import type { Entry, ReadEntry } from "../adapters/archive.ts";
import { findIgnored, withScratchRepository, writePatch, type Change, type Side } from "../adapters/patch.ts";
import { dangerOf } from "../../../kernel/dangerous-paths.ts";
import { compareManifests, type ChangeStatus, type Manifest } from "../domain/manifest.ts";
import type { SandboxDeps } from "../deps.ts";
import type { Found } from "./find-sandbox.ts";
import { contentOf, describe, readBaseline, TREE_LIMITS } from "./workspace.ts";

export interface Changes {
  readonly patch: string;
  readonly files: readonly {
    readonly path: string;
    readonly status: ChangeStatus;
    readonly added?: number;
    readonly removed?: number;
  }[];
  readonly flagged: readonly { readonly path: string; readonly reason: string }[];
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  /** Added files that the tree's ignore files leave out. */
  readonly ignored: number;
}

/** Never exported: what git keeps for itself, and what a package manager can fetch again. */
const EXCLUDED = [".git", "node_modules"];

/**
 * Compares a sandbox's workspace with what was imported and writes the difference as a patch. `isWhole` takes in what
 * is otherwise left out: ignored files and installed packages.
 */
export async function collectChanges(deps: SandboxDeps, found: Found, isWhole: boolean): Promise<Changes> {
  const { baseline } = await deps.store.read((tx) => tx.trees(found.record.id));
  const isVendored = Object.keys(baseline).some((path) => path.split("/").includes("node_modules"));
  const now = await readNow(deps, found, baseline, isWhole || isVendored ? [".git"] : EXCLUDED);
  // What could not be read is not a deletion.
  const unread = new Set(now.skipped.map(({ path }) => path));
  const all = compareManifests(baseline, now.manifest).filter(({ path }) => !unread.has(path));
  const added = all.filter(({ status }) => status === "added").map(({ path }) => path);
  const wanted = new Set(all.flatMap(({ path }) => baseline[path]?.[1] ?? []));
  const before = await readBaseline(deps, found.record.id, wanted);
  return withScratchRepository(deps.patches, async (place) => {
    const ignored = isWhole ? new Set<string>() : await findIgnored(place, now.ignoreFiles, added);
    const kept = all.filter(({ path }) => !ignored.has(path));
    const sideOf = (
      manifest: Manifest,
      contents: ReadonlyMap<string, Uint8Array>,
      path: string,
    ): Side | null => {
      const [mode, digest] = manifest[path] ?? [];
      const content = digest === undefined ? undefined : contents.get(digest);
      return mode === undefined || content === undefined ? null : { mode, content };
    };
    const contents = new Map([...before, ...now.contents]);
    const changes = kept.map(({ path }): Change => ({
      path,
      before: sideOf(baseline, contents, path),
      after: sideOf(now.manifest, contents, path),
    }));
    const { text, lines } = await writePatch(place, changes);
    return {
      patch: text,
      files: kept.map(({ path, status }) => ({ path, status, ...lines.get(path) })),
      flagged: [
        ...kept.flatMap(({ path }) => {
          const reason = dangerOf(path);
          return reason === null ? [] : [{ path, reason }];
        }),
        ...now.excluded
          .filter((name) => name === ".git")
          .map((path) => ({ path, reason: "a repository made inside the sandbox; it stays there" })),
      ],
      skipped: now.skipped,
      ignored: ignored.size,
    };
  });
}

interface Now {
  readonly manifest: Manifest;
  /** By digest, of what is not in the base. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  readonly ignoreFiles: readonly { readonly path: string; readonly content: Uint8Array }[];
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  readonly excluded: readonly string[];
}

async function readNow(
  deps: SandboxDeps,
  found: Found,
  baseline: Manifest,
  exclude: readonly string[],
): Promise<Now> {
  const entries = new Map<string, readonly [mode: string, digest: string]>();
  const contents = new Map<string, Uint8Array>();
  const ignoreFiles: { path: string; content: Uint8Array }[] = [];
  const known = new Set(Object.values(baseline).map(([, digest]) => digest));
  const accept = (entry: Entry): void => {
    for (const { path, mode, digest } of describe(entry)) {
      entries.set(path, [mode, digest]);
      const content = contentOf(entry);
      if (content !== null && !known.has(digest)) contents.set(digest, content);
      if (entry.kind === "file" && /(^|\/)\.gitignore$/.test(path))
        ignoreFiles.push({ path, content: entry.content });
    }
  };
  const onEntry = (entry: ReadEntry): void => {
    if (entry.kind !== "same") return accept(entry);
    const first = entries.get(entry.as);
    if (first !== undefined) entries.set(entry.path, first);
  };
  const { skipped, excluded } = await readTree(found.backend, found.ref, exclude, TREE_LIMITS, onEntry, deps);
  return { manifest: Object.fromEntries(entries), contents, ignoreFiles, skipped, excluded };
}
