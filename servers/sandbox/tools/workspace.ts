import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { receiptDigest, treeDigest } from "../../../kernel/receipts.ts";
import type { Writer } from "../../../kernel/store.ts";
import { readArchive, writeArchive, type ArchiveLimits, type Entry } from "../adapters/archive.ts";
import { writeEntries } from "../adapters/files.ts";
import { readHostTree } from "../adapters/host-tree.ts";
import { applyChange, gitMode, LINK_MODE, type ManifestChange } from "../domain/manifest.ts";
import type { SandboxDeps } from "../deps.ts";
import type { Found } from "./find-sandbox.ts";

/** What an import, and an export, may hold at most. */
export const TREE_LIMITS: ArchiveLimits = {
  maxBytes: 512 * 1_048_576,
  maxEntries: 50_000,
  maxFileBytes: 32 * 1_048_576,
};

/** Puts files into a sandbox and accounts for them. */
export async function putFiles(
  deps: SandboxDeps,
  writer: Writer,
  found: Found,
  entries: readonly Entry[],
  removed: readonly string[],
): Promise<void> {
  await writeEntries(found.backend, found.ref, entries, removed, deps);
  await account(deps, writer, found.record.id, { set: entries.flatMap(describe), removed }, false);
}

export interface Imported {
  readonly files: number;
  readonly bytes: number;
  readonly tree_digest: string;
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

/** Copies a folder of the host into a sandbox; it becomes the base that exports are compared with. */
export async function importFolder(
  deps: SandboxDeps,
  writer: Writer,
  found: Found,
  dir: string,
  to: string,
): Promise<Imported> {
  const source = await readHostTree(await deps.roots().resolve(dir), TREE_LIMITS);
  const entries = source.entries.map((entry): Entry =>
    to === "." ? entry : { ...entry, path: `${to}/${entry.path}` },
  );
  const base = join(deps.folder, found.record.id, "baseline");
  await mkdir(base, { recursive: true, mode: 0o700 });
  await writeFile(join(base, `${deps.nonce()}.tar`), await writeArchive(entries, new Date(deps.clock())), {
    mode: 0o600,
  });
  await writeEntries(found.backend, found.ref, entries, [], deps);
  const set = entries.flatMap(describe);
  const digest = await account(deps, writer, found.record.id, { set, removed: [] }, true);
  return { files: set.length, bytes: source.bytes, tree_digest: digest, skipped: source.skipped };
}

/** The contents of the base that have one of these digests. */
export async function readBaseline(
  deps: SandboxDeps,
  id: string,
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  const base = join(deps.folder, id, "baseline");
  for (const name of await readdir(base).catch(() => [])) {
    const reader = await readArchive(
      { ...TREE_LIMITS, maxBytes: Number.MAX_SAFE_INTEGER, maxFileBytes: Number.MAX_SAFE_INTEGER },
      (entry) => {
        const content = contentOf(entry);
        const digest = content === null ? "" : receiptDigest(content);
        if (content !== null && wanted.has(digest)) contents.set(digest, content);
      },
    );
    reader.push(await readFile(join(base, name)));
    await reader.finish();
  }
  return contents;
}

/** What a file holds, or where a link points; null for a folder. */
export function contentOf(entry: Entry | { readonly kind: "same" }): Uint8Array | null {
  if (entry.kind === "file") return entry.content;
  return entry.kind === "link" ? Buffer.from(entry.target) : null;
}

/** An entry as a manifest holds it; folders are not part of one. */
export function describe(entry: Entry): ManifestChange["set"] {
  const content = contentOf(entry);
  if (content === null || entry.kind === "folder") return [];
  return [
    {
      path: entry.path,
      mode: entry.kind === "link" ? LINK_MODE : gitMode(entry.mode),
      digest: receiptDigest(content),
    },
  ];
}

async function account(
  deps: SandboxDeps,
  writer: Writer,
  id: string,
  change: ManifestChange,
  isBase: boolean,
): Promise<string> {
  return deps.store.write(writer, async (tx) => {
    const trees = await tx.trees(id);
    const tree = applyChange(trees.tree, change);
    const digest = treeDigest(
      Object.entries(tree).map(([path, [mode, content]]) => ({ path, mode, digest: content })),
    );
    await tx.saveTrees(id, {
      tree,
      baseline: isBase ? applyChange(trees.baseline, change) : trees.baseline,
      treeDigest: digest,
    });
    return digest;
  });
}
