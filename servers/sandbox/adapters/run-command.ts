import { DomainError } from "../../../kernel/errors.ts";
import { classify, type Ending, type Stop } from "../domain/outcome.ts";
import type { Backend, OutputStream, SandboxRef } from "./backend.ts";
import { launchArgv, readReport } from "./launch.ts";

export interface CommandSpec {
  readonly argv: readonly string[];
  /** Relative to the workspace. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array | undefined;
  readonly timeoutMs: number;
  /** Of stdout and stderr together; the program is killed when it prints more. */
  readonly outputCapBytes: number;
}

export interface CommandResult {
  readonly ending:
    | Ending
    | { readonly outcome: "backend_down"; readonly exitCode: null; readonly signal: null };
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly wallMs: number;
  readonly cpuMs: number | null;
  readonly peakMemoryBytes: number | null;
}

export interface RunDeps {
  /** Milliseconds that only grow, whatever happens to the wall clock. */
  readonly monotonic: () => number;
  /** An unguessable word. */
  readonly nonce: () => string;
}

/** Runs a command to its end, and ends it when time, output or the caller's patience run out. */
export async function runCommand(
  backend: Backend,
  ref: SandboxRef,
  spec: CommandSpec,
  deps: RunDeps,
  cancelled: AbortSignal,
  onOutput: (stream: OutputStream, chunk: Uint8Array) => void = () => undefined,
): Promise<CommandResult> {
  const layout = backend.layout(ref);
  const nonce = deps.nonce();
  const kill = new AbortController();
  let stopped: Stop | null = null;
  const stop = (reason: Stop): void => {
    if (kill.signal.aborted) return;
    stopped = reason;
    kill.abort();
  };
  const cancel = (): void => stop("cancelled");
  if (cancelled.aborted) cancel();
  cancelled.addEventListener("abort", cancel, { once: true });
  const timer = setTimeout(() => stop("timeout"), spec.timeoutMs);
  const kept: Record<OutputStream, Uint8Array[]> = { stdout: [], stderr: [] };
  let room = spec.outputCapBytes;
  const startedAt = deps.monotonic();
  try {
    const end = await backend.exec(ref, {
      argv: launchArgv(layout, nonce, spec.cwd, spec.argv),
      env: { ...layout.env, ...spec.env },
      stdin: spec.stdin,
      kill: kill.signal,
      onOutput(stream, chunk) {
        if (room <= 0) return;
        const part = chunk.subarray(0, room);
        kept[stream].push(part);
        onOutput(stream, part);
        room -= chunk.length;
        if (room <= 0) stop("output_cap");
      },
    });
    const report = readReport(Buffer.concat(kept.stderr), nonce, end.exitCode, layout.reporter !== null);
    const signal = end.signal ?? report.signal;
    return {
      ending: classify({
        stopped,
        launch: report.launch,
        exitCode: signal === null ? end.exitCode : null,
        signal,
        oomKills: end.oomKills,
        forksRefused: end.forksRefused,
        alive: end.alive,
      }),
      stdout: Buffer.concat(kept.stdout),
      stderr: report.stderr,
      wallMs: Math.round(deps.monotonic() - startedAt),
      cpuMs: end.cpuMs ?? report.cpuMs,
      peakMemoryBytes: end.peakMemoryBytes ?? report.peakMemoryBytes,
    };
  } catch (error) {
    const outcome = endingOf(error);
    return {
      ending: outcome,
      stdout: Buffer.concat(kept.stdout),
      stderr: Buffer.concat(kept.stderr),
      wallMs: Math.round(deps.monotonic() - startedAt),
      cpuMs: null,
      peakMemoryBytes: null,
    };
  } finally {
    clearTimeout(timer);
    cancelled.removeEventListener("abort", cancel);
  }
}

/** A sandbox or backend that went away is an outcome of the command; everything else is thrown on. */
function endingOf(error: unknown): CommandResult["ending"] {
  if (error instanceof DomainError && error.code === "not_found")
    return { outcome: "sandbox_dead", exitCode: null, signal: null };
  if (error instanceof DomainError && error.code === "unavailable")
    return { outcome: "backend_down", exitCode: null, signal: null };
  throw error;
}
