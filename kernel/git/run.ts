import { spawn } from "node:child_process";
import { DomainError } from "../errors.ts";
import { cleanText } from "../text.ts";
import type { GitArguments } from "./arguments.ts";
import type { ConfigPair } from "./config-keys.ts";

/** Where and how git is run; `openGit` makes one for a repository. */
export interface GitPlace {
  /** The folder git starts in. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Settings that outrank every configuration file. */
  readonly config: readonly ConfigPair[];
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  /** At most this much of stdout is kept; reaching it ends the process. Default 64 MiB. */
  readonly maxBytes?: number;
  /** This much of stdout is passed over without being kept. Default 0. */
  readonly skipBytes?: number;
  /** Default 60,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Added to the environment: our own GIT_INDEX_FILE, GIT_AUTHOR_DATE and the like, never a caller's. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface GitResult {
  /** null when the process was ended by us because stdout reached its limit. */
  readonly code: number | null;
  /** Byte-exact. */
  readonly stdout: Buffer;
  /** Cleaned, at most 16 KiB; for logs and for recognising a cause, not to be shown to a model as instructions. */
  readonly stderr: string;
  readonly truncated: boolean;
}

const MAX_STDOUT_BYTES = 64 * 1024 * 1024;
const MAX_STDERR_BYTES = 16 * 1024;
const TIMEOUT_MS = 60_000;
// Time for git to remove its lock files after a polite signal.
const GRACE_MS = 1_000;

/**
 * Runs git once and gives back what it printed; a non-zero exit is a result, not an error. Git gets its own process
 * group, which is ended as a whole.
 * @throws {DomainError} timeout when time ran out or the call was cancelled, unavailable when git cannot be started.
 */
export function runGit(place: GitPlace, command: GitArguments, options: RunOptions = {}): Promise<GitResult> {
  const maxBytes = options.maxBytes ?? MAX_STDOUT_BYTES;
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const { signal } = options;
  if (signal?.aborted === true) return Promise.reject(cancelled(command));

  return new Promise((resolve, reject) => {
    const child = spawn("git", command.argv, {
      cwd: place.directory,
      env: { ...place.environment, ...configVariables(place.config), ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let outBytes = 0;
    let toSkip = options.skipBytes ?? 0;
    let errBytes = 0;
    let truncated = false;
    let failure: DomainError | undefined;
    let killer: NodeJS.Timeout | undefined;

    const end = (): void => {
      killGroup(child.pid, "SIGTERM");
      killer ??= setTimeout(() => killGroup(child.pid, "SIGKILL"), GRACE_MS);
    };
    const timer = setTimeout(() => {
      failure ??= new DomainError(
        "timeout",
        `git ${command.argv[0] ?? ""} took longer than ${timeoutMs} ms`,
        {
          hint: "try again, or narrow the request to fewer paths",
        },
      );
      end();
    }, timeoutMs);
    const onAbort = (): void => {
      failure ??= cancelled(command);
      end();
    };
    signal?.addEventListener("abort", onAbort, { once: true });

    child.stdout.on("data", (arrived: Buffer) => {
      if (truncated) return;
      const chunk = toSkip > 0 ? arrived.subarray(toSkip) : arrived;
      toSkip = Math.max(0, toSkip - arrived.length);
      if (chunk.length === 0) return;
      const room = maxBytes - outBytes;
      out.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
      outBytes += Math.min(chunk.length, room);
      if (chunk.length > room) {
        truncated = true;
        end();
      }
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (errBytes < MAX_STDERR_BYTES) err.push(chunk.subarray(0, MAX_STDERR_BYTES - errBytes));
      errBytes += chunk.length;
    });
    // Git may close its input before it has read all of it.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");

    child.on("error", (cause) => {
      failure ??= new DomainError("unavailable", "git could not be started", {
        hint: "install git 2.38 or newer and make sure it is on PATH",
        retryable: false,
        cause,
      });
      settle(null);
    });
    child.on("close", (code) => settle(code));

    function settle(code: number | null): void {
      clearTimeout(timer);
      clearTimeout(killer);
      signal?.removeEventListener("abort", onAbort);
      if (failure !== undefined) return reject(failure);
      resolve({
        code: truncated ? null : code,
        stdout: Buffer.concat(out),
        stderr: cleanText(Buffer.concat(err).toString("utf8")),
        truncated,
      });
    }
  });
}

/**
 * Settings as environment pairs instead of `-c` arguments: a subsection may hold "=" there, and hundreds fit.
 * Both outrank every file. Source: git-config(1), GIT_CONFIG_COUNT (git 2.31).
 */
export function configVariables(config: readonly ConfigPair[]): Readonly<Record<string, string>> {
  const variables: Record<string, string> = { GIT_CONFIG_COUNT: String(config.length) };
  for (const [index, pair] of config.entries()) {
    variables[`GIT_CONFIG_KEY_${index}`] = pair.key;
    variables[`GIT_CONFIG_VALUE_${index}`] = pair.value;
  }
  return variables;
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has already ended.
  }
}

function cancelled(command: GitArguments): DomainError {
  return new DomainError("timeout", `git ${command.argv[0] ?? ""} was cancelled`, {
    hint: "call again if it is still wanted",
  });
}
