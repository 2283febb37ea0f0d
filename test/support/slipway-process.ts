import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ENTRY = fileURLToPath(new URL("../../bin/main.ts", import.meta.url));

/** How a `slipway` process ended, and everything it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

export interface SlipwayOptions {
  readonly cwd?: string;
  /** Whether sandboxes may run in Docker. Without it the next backend is taken, which starts several times faster. */
  readonly docker?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Sees each line of stdout; returning true kills the process with SIGKILL. */
  readonly killAt?: (line: string, count: number) => boolean;
  /** Sees each line of stdout; returning a signal sends it. */
  readonly signalAt?: (line: string, count: number) => NodeJS.Signals | null;
}

/** No daemon listens here. What Docker does is proven by the sandbox's own tests, the demo's and the soak. */
export const NO_DOCKER = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };

/** Runs the command line as a process of its own, with an environment that holds no key and no marker of an agent. */
export function slipway(argv: readonly string[], options: SlipwayOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [ENTRY, ...argv], {
      cwd: options.cwd,
      env: {
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
        ...(options.docker === true ? {} : NO_DOCKER),
        ...options.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const out: string[] = [];
    const err: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => {
      out.push(line);
      if (options.killAt?.(line, out.length) === true) child.kill("SIGKILL");
      const signal = options.signalAt?.(line, out.length);
      if (signal != null) child.kill(signal);
    });
    createInterface({ input: child.stderr }).on("line", (line) => err.push(line));
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, out, err }));
  });
}
