import { isAbsolute, join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import type { SourceTrees } from "../adapters/source-tree.ts";
import type { Memory, Source } from "../domain/memory.ts";
import type { CodeTree } from "../store/port.ts";

/** The source with the blob id of its file, where there is one to read. */
export async function stamped(
  source: Source,
  trees: SourceTrees,
  indexed: readonly CodeTree[],
): Promise<Source> {
  const blob = source.path === undefined ? undefined : await blobAt(source.path, trees, indexed);
  return blob === undefined ? source : { ...source, blob };
}

/** Ids of the memories whose file is gone or holds something else than when they were written. */
export async function staleAmong(
  memories: readonly Memory[],
  trees: SourceTrees,
  indexed: readonly CodeTree[],
): Promise<ReadonlySet<string>> {
  const stale = new Set<string>();
  for (const { id, source } of memories) {
    if (source?.path === undefined || source.blob === undefined) continue;
    if ((await blobAt(source.path, trees, indexed)) !== source.blob) stale.add(id);
  }
  return stale;
}

/** What the first place where the path may lie holds: an indexed tree by its prefix, then the roots, the project first. */
async function blobAt(
  path: string,
  trees: SourceTrees,
  indexed: readonly CodeTree[],
): Promise<string | undefined> {
  for (const place of placesOf(path, trees, indexed)) {
    try {
      const blob = await trees.blobOf(place);
      if (blob !== undefined) return blob;
    } catch (error) {
      // Outside the roots, or not there: then it is somewhere else.
      if (!(error instanceof DomainError)) throw error;
    }
  }
  return undefined;
}

function placesOf(path: string, trees: SourceTrees, indexed: readonly CodeTree[]): readonly string[] {
  if (isAbsolute(path)) return [path];
  const ofTrees = indexed
    .filter(({ prefix }) => path.startsWith(prefix))
    .sort((a, b) => b.prefix.length - a.prefix.length)
    .map(({ root, prefix }) => join(root, path.slice(prefix.length)));
  return [...ofTrees, ...trees.roots.toReversed().map((root) => join(root, path))];
}
