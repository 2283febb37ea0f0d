import { spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A started program that is spoken to in lines. */
export interface LineProcess {
  readonly pid: number;
  readonly lines: readonly string[];
  readonly stderr: () => string;
  tell(line: string): void;
  /** The next line of stdout, in order; throws when the program has ended before. */
  hear(): Promise<string>;
  endInput(): void;
  signal(name: NodeJS.Signals): void;
  /** The exit code, or null after a signal. */
  readonly ended: Promise<number | null>;
}

/** Starts Node on a TypeScript file of this repository. The caller ends it. */
export function startNode(
  argv: readonly string[],
  options: Pick<SpawnOptions, "cwd" | "env"> = {},
): LineProcess {
  const child = spawn(process.execPath, [...argv], { stdio: ["pipe", "pipe", "pipe"], ...options });
  if (child.pid === undefined || child.stdin === null || child.stdout === null || child.stderr === null)
    throw new Error("the process did not start");
  const { stdin, stdout, stderr, pid } = child;
  const heard: string[] = [];
  let errors = "";
  stderr.on("data", (chunk: Buffer) => void (errors += chunk.toString()));
  stdin.on("error", () => undefined);
  const reader = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const ended = once(child, "close").then(() => child.exitCode);
  return {
    pid,
    lines: heard,
    stderr: () => errors,
    tell: (line) => void stdin.write(`${line}\n`),
    async hear() {
      const line = await reader.next();
      if (line.done === true) throw new Error(`the process ended: ${errors}`);
      heard.push(line.value);
      return line.value;
    },
    endInput: () => void stdin.end(),
    signal: (name) => void child.kill(name),
    ended,
  };
}
