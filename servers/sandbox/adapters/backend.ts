import type { Limits } from "../domain/limits.ts";

export const BACKENDS = ["docker", "bubblewrap", "unisolated"] as const;
export type BackendName = (typeof BACKENDS)[number];
export type Isolation = "container" | "namespaces" | "none";

/** Whether this machine can run the backend, found by doing it. */
export type Probe =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string; readonly hint: string };

export interface SandboxSpec {
  readonly id: string;
  readonly limits: Limits;
  readonly ttlS: number;
  /** Hosts that commands may reach; absent for none. */
  readonly hosts?: readonly string[];
}

/** A sandbox as its backend finds it again, in another process too. */
export interface SandboxRef {
  readonly id: string;
  /** The backend's own name for it: a container id, or a folder. */
  readonly handle: string;
  readonly limits: Limits;
  /** Hosts that commands may reach; absent for none. */
  readonly hosts?: readonly string[];
}

/** How commands see the sandbox. */
export interface Layout {
  /** The workspace's real path inside. */
  readonly workspace: string;
  /** The whole base environment of every command. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * A program that runs another one, then reports on stderr how it ended in the words of `busybox time -f`.
   * null where the backend itself can tell a signal from an exit code.
   */
  readonly reporter: readonly string[] | null;
}

export type OutputStream = "stdout" | "stderr";

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Nothing means end of file at once. */
  readonly stdin: Uint8Array | undefined;
  onOutput(stream: OutputStream, chunk: Uint8Array): void;
  /** When it aborts, the whole process tree is killed; the call then resolves, once nothing is left. */
  readonly kill: AbortSignal;
}

/** What the backend saw when a program ended. */
export interface ExecEnd {
  readonly exitCode: number | null;
  /** Only from a backend whose layout needs no reporter. */
  readonly signal: string | null;
  readonly oomKills: number;
  readonly forksRefused: number;
  readonly cpuMs: number | null;
  readonly peakMemoryBytes: number | null;
  readonly alive: boolean;
}

/** One way to isolate. Every adapter passes the same conformance suite. */
export interface Backend {
  readonly name: BackendName;
  readonly isolation: Isolation;
  /** Whether single hosts can be reached from inside, where that is asked for; absent for no. */
  readonly hasDoor?: true;
  probe(): Promise<Probe>;
  /** @throws {DomainError} unavailable. What was made by then is removed again. */
  create(spec: SandboxSpec, progress: (message: string) => void): Promise<SandboxRef>;
  layout(ref: SandboxRef): Layout;
  /**
   * Runs one program in the sandbox. What it leaves running is killed when it ends, unless another program runs there.
   *
   * @throws {DomainError} not_found when the sandbox is gone, unavailable when the backend does not answer.
   */
  exec(ref: SandboxRef, request: ExecRequest): Promise<ExecEnd>;
  isAlive(ref: SandboxRef): Promise<boolean>;
  /** Removes everything of the sandbox; fine when it is gone already. */
  destroy(ref: Pick<SandboxRef, "id" | "handle">): Promise<void>;
  /** The ids of sandboxes this state folder left on the backend, dead ones included. */
  listOwned(): Promise<readonly Pick<SandboxRef, "id" | "handle">[]>;
}
