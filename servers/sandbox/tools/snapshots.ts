import { cp, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { treeDigest } from "../../../kernel/receipts.ts";
import type { Writer } from "../../../kernel/store.ts";
import { loadWorkspace, saveWorkspace } from "../adapters/workspace-copy.ts";
import type { SandboxDeps } from "../deps.ts";
import type { Origin, SnapshotRecord } from "../store/sandbox-store.ts";
import type { Found } from "./find-sandbox.ts";
import { TREE_LIMITS } from "./workspace.ts";

/** What is kept of a workspace: its files as a copy on this host, and where they came from. */
export interface Saved {
  readonly folder: string;
  readonly origin: Origin;
}

const MAX_SNAPSHOTS = 32;
const SNAPSHOT_MS = 24 * 3_600_000;

const folderOf = (deps: SandboxDeps, id: string): string => join(deps.folder, id);
const copyIn = (folder: string): string => join(folder, "copy.tar");
const baselineIn = (folder: string): string => join(folder, "baseline");

/**
 * Keeps a workspace as it is now, for a day.
 *
 * @throws {DomainError} limit when there are too many or it is too large, invalid_state while a command writes to it.
 */
export async function saveSnapshot(deps: SandboxDeps, writer: Writer, found: Found): Promise<SnapshotRecord> {
  const record: SnapshotRecord = {
    id: deps.newId("snp"),
    principal: writer.principal.id,
    expiresAt: deps.clock() + SNAPSHOT_MS,
  };
  const saved = await saveInto(deps, found, folderOf(deps, record.id));
  try {
    await deps.store.write(writer, async (tx) => {
      if ((await tx.countSnapshots()) >= MAX_SNAPSHOTS)
        throw new DomainError("limit", `there are ${MAX_SNAPSHOTS} snapshots already`, {
          hint: "they end after a day; fork_sandbox needs none",
        });
      await tx.addSnapshot(record, saved.origin);
    });
  } catch (error) {
    await rm(saved.folder, { recursive: true, force: true });
    throw error;
  }
  return record;
}

/** Copies a workspace for the length of `work`. */
export async function withCopy<T>(
  deps: SandboxDeps,
  found: Found,
  work: (saved: Saved) => Promise<T>,
): Promise<T> {
  const saved = await saveInto(deps, found, folderOf(deps, deps.newId("snp")));
  try {
    return await work(saved);
  } finally {
    await rm(saved.folder, { recursive: true, force: true });
  }
}

/** @throws {DomainError} not_found when it is unknown or has expired. */
export async function findSnapshot(deps: SandboxDeps, id: string): Promise<Saved> {
  const record = await deps.store.read((tx) => tx.findSnapshot(id));
  if (record === undefined || record.expiresAt <= deps.clock())
    throw new DomainError("not_found", `there is no snapshot ${id}`, {
      hint: "snapshots last a day; take a new one with snapshot_sandbox",
    });
  return { folder: folderOf(deps, id), origin: record.origin };
}

/**
 * Puts a kept workspace into a new sandbox, which becomes its successor: exports and receipts go on from there, or with
 * `keepsBase` off begin anew over these files.
 */
export async function restore(
  deps: SandboxDeps,
  writer: Writer,
  found: Found,
  saved: Saved,
  keepsBase = true,
): Promise<void> {
  await loadWorkspace(found.backend, found.ref, await readFile(copyIn(saved.folder)));
  if (!keepsBase) {
    const { commands } = saved.origin;
    const origin = { tree: {}, baseline: {}, treeDigest: treeDigest([]), commands };
    await deps.store.write(writer, (tx) => tx.saveOrigin(found.record.id, origin));
    return;
  }
  await cp(baselineIn(saved.folder), join(deps.folder, found.record.id, "baseline"), { recursive: true });
  await deps.store.write(writer, (tx) => tx.saveOrigin(found.record.id, saved.origin));
}

/** Removes the snapshots whose time is over. */
export async function sweepSnapshots(deps: SandboxDeps, writer: Writer): Promise<void> {
  for (const id of await deps.store.read((tx) => tx.expiredSnapshots(deps.clock()))) {
    await rm(folderOf(deps, id), { recursive: true, force: true });
    await deps.store.write(writer, (tx) => tx.removeSnapshot(id));
  }
}

async function saveInto(deps: SandboxDeps, found: Found, folder: string): Promise<Saved> {
  if (found.backend.isolation !== "container" && deps.busy.has(found.record.id))
    throw new DomainError("invalid_state", "a command runs in the sandbox and may write to it meanwhile", {
      hint: "wait for its end (read_job), or cancel_job it",
      retryable: true,
    });
  const source = join(deps.folder, found.record.id, "baseline");
  try {
    await mkdir(baselineIn(folder), { recursive: true, mode: 0o700 });
    const origin = await deps.store.read((tx) => tx.origin(found.record.id));
    if (origin === undefined)
      throw new DomainError("not_found", `sandbox ${found.record.id} is gone`, { hint: "create a new one" });
    await saveWorkspace(found.backend, found.ref, copyIn(folder), TREE_LIMITS.maxBytes);
    // What was imported is never changed once it is there.
    for (const name of await readdir(source).catch(() => []))
      await cp(join(source, name), join(baselineIn(folder), name));
    return { folder, origin };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
