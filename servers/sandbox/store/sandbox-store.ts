import type { Json } from "../../../kernel/canonical-json.ts";
import type { Store } from "../../../kernel/store.ts";
import type { Guarantees } from "../domain/guarantees.ts";
import type { Limits } from "../domain/limits.ts";
import type { Manifest } from "../domain/manifest.ts";

/** One sandbox as any process of this state folder finds it. */
export interface SandboxRecord {
  readonly id: string;
  readonly name: string | null;
  readonly backend: "docker" | "bubblewrap" | "unisolated";
  readonly isolation: "container" | "namespaces" | "none";
  /** `creating` is the intent, written before anything is made, so that a crash leaves nothing unknown behind. */
  readonly status: "creating" | "ready";
  /** The backend's own name for it; empty while it is being made. */
  readonly handle: string;
  readonly principal: string;
  readonly limits: Limits;
  /** Hosts that its commands may reach. */
  readonly hosts: readonly string[];
  readonly guarantees: Guarantees;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Digest of `tree`. */
  readonly treeDigest: string;
  /** Commands started so far. */
  readonly commands: number;
}

/** What is known of a workspace besides its files: where it came from, and how much may have changed it. */
export interface Origin {
  readonly tree: Manifest;
  readonly baseline: Manifest;
  readonly treeDigest: string;
  /** Commands that ran in it. */
  readonly commands: number;
}

/** A workspace as it was at one moment; its files lie in the server's folder under the id. */
export interface SnapshotRecord {
  readonly id: string;
  readonly principal: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export type SandboxEventType =
  | "sandbox.created"
  | "sandbox.deleted"
  | "sandbox.expired"
  | "sandbox.snapshotted"
  | "command.finished"
  | "tests.finished";

/** What the sandbox store offers inside one transaction. */
export interface SandboxTx {
  add(record: SandboxRecord): Promise<void>;
  find(id: string): Promise<SandboxRecord | undefined>;
  findByName(name: string): Promise<SandboxRecord | undefined>;
  save(record: SandboxRecord): Promise<void>;
  /** False when it was gone already. */
  remove(id: string): Promise<boolean>;
  /** Oldest first. */
  list(after: string | undefined, limit: number): Promise<readonly SandboxRecord[]>;
  count(): Promise<number>;
  /** Those past their time, and those whose maker died over them. */
  expired(now: number): Promise<readonly SandboxRecord[]>;
  /** What callers put in so far, and the part of it that came by import: the base of exports. */
  trees(id: string): Promise<{ readonly tree: Manifest; readonly baseline: Manifest }>;
  saveTrees(
    id: string,
    trees: { readonly tree: Manifest; readonly baseline: Manifest; readonly treeDigest: string },
  ): Promise<void>;
  /** Counts one more command; returns how many came before, and the digest of the tree. */
  countCommand(id: string): Promise<{ readonly before: number; readonly treeDigest: string }>;
  /** Undefined when the sandbox is gone. */
  origin(id: string): Promise<Origin | undefined>;
  /** Makes a sandbox the successor of another workspace. */
  saveOrigin(id: string, origin: Origin): Promise<void>;
  addSnapshot(record: SnapshotRecord, origin: Origin): Promise<void>;
  findSnapshot(id: string): Promise<(SnapshotRecord & { readonly origin: Origin }) | undefined>;
  countSnapshots(): Promise<number>;
  removeSnapshot(id: string): Promise<void>;
  expiredSnapshots(now: number): Promise<readonly string[]>;
  emit(type: SandboxEventType, sandbox: string, data: Readonly<Record<string, Json | undefined>>): void;
}

export type SandboxStore = Store<SandboxTx>;
