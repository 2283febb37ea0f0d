import { spawn } from "node:child_process";
import { Writable } from "node:stream";
import type { ExecRequest } from "./backend.ts";

export interface LocalExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export interface LocalOptions {
  readonly cwd: string;
  /** The host program's own environment, never the server's. */
  readonly env: Readonly<Record<string, string>>;
  /** Texts the program finds on descriptors 3, 4, … */
  readonly texts?: readonly string[];
  killRest(pid: number): Promise<void>;
}

/**
 * Runs a host program whose end ends its whole tree, or whose rest `killRest` ends. It starts in its own session,
 * with no variable and no descriptor of ours.
 */
export function runLocal(
  argv: readonly string[],
  options: LocalOptions,
  request: ExecRequest,
): Promise<LocalExit> {
  const [file = "", ...args] = argv;
  const texts = options.texts ?? [];
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...options.env },
      detached: true,
      stdio: [
        request.stdin === undefined ? "ignore" : "pipe",
        "pipe",
        "pipe",
        ...texts.map(() => "pipe" as const),
      ],
    });
    const { pid } = child;
    let exit: LocalExit | undefined;
    let rest: Promise<void> = Promise.resolve();
    const kill = (): void => {
      if (pid === undefined) return;
      killGroup(pid);
      rest = rest.then(() => options.killRest(pid));
    };
    child.once("error", reject);
    child.stdout?.on("data", (chunk: Buffer) => request.onOutput("stdout", chunk));
    child.stderr?.on("data", (chunk: Buffer) => request.onOutput("stderr", chunk));
    // A program may end or close its input before it has read all of it.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(request.stdin);
    for (const [index, text] of texts.entries()) {
      const pipe = child.stdio[index + 3];
      if (!(pipe instanceof Writable)) continue;
      pipe.on("error", () => undefined);
      pipe.end(text);
    }
    if (request.kill.aborted) kill();
    request.kill.addEventListener("abort", kill, { once: true });
    child.once("exit", (exitCode, signal) => {
      exit = { exitCode, signal };
      kill();
      // What was left and held the pipes open is dead by then; its last words arrive before "close".
      setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, 2_000).unref();
    });
    child.once("close", () => {
      request.kill.removeEventListener("abort", kill);
      const ended = exit;
      if (ended !== undefined) rest.then(() => resolve(ended), reject);
    });
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group is gone already.
  }
}

/** The commands that run in each sandbox of this process, so that a deleted sandbox takes them with it. */
export interface RunningCommands {
  /** Runs `work` with a signal that aborts when `kill` or `killAll` says so; `deleted` tells that the latter did. */
  track<T>(
    id: string,
    kill: AbortSignal,
    work: (kill: AbortSignal) => Promise<T>,
  ): Promise<{ readonly result: T; readonly deleted: boolean }>;
  /** Kills what runs in a sandbox and waits until it ended. */
  killAll(id: string): Promise<void>;
}

export function runningCommands(): RunningCommands {
  const running = new Map<string, Map<AbortController, Promise<unknown>>>();
  return {
    async track(id, kill, work) {
      const own = new AbortController();
      const of = running.get(id) ?? new Map<AbortController, Promise<unknown>>();
      running.set(id, of);
      const result = work(AbortSignal.any([kill, own.signal]));
      of.set(own, result);
      try {
        return { result: await result, deleted: own.signal.aborted };
      } finally {
        of.delete(own);
        if (of.size === 0) running.delete(id);
      }
    },
    async killAll(id) {
      const of = [...(running.get(id) ?? [])];
      for (const [controller] of of) controller.abort();
      await Promise.allSettled(of.map(([, result]) => result));
    },
  };
}
