import { closeSync, openSync } from "node:fs";
import { userInfo } from "node:os";
import { createInterface } from "node:readline/promises";
import { isatty, ReadStream, WriteStream } from "node:tty";
import { agentMark } from "./agent-shell.ts";
import { DomainError } from "./errors.ts";
import type { Io } from "./io.ts";

/** A person at the controlling terminal of this process. */
export interface Terminal {
  /** The operating system's name for the person. */
  readonly user: string;
  say(line: string): void;
  /** The typed line without its end, or null when the person left. */
  ask(prompt: string, signal: AbortSignal): Promise<string | null>;
  close(): void;
}

export type OpenTerminal = (io: Io) => Terminal;

/**
 * Opens the controlling terminal itself, so that nothing piped into the program can answer.
 *
 * It keeps out programs that do not pretend. A program of the same user can make a terminal of its own; the strong
 * form is a server under another user.
 *
 * @throws {DomainError} denied under CI, in an agent's shell, with a piped stdin, and without a controlling terminal.
 */
export const openControllingTerminal: OpenTerminal = (io) => {
  const reason = notAPersonsShell(io.env) ?? (isatty(0) ? null : "standard input is not a terminal");
  if (reason !== null) throw refusal(reason);
  const [input, output] = openBoth();
  const reader = new ReadStream(input);
  const writer = new WriteStream(output);
  const lines = createInterface({ input: reader, output: writer, terminal: false });
  return {
    user: userInfo().username,
    say: (line) => void writer.write(`${line}\n`),
    async ask(prompt, signal) {
      const left = new Promise<null>((resolve) => lines.once("close", () => resolve(null)));
      const typed = lines.question(prompt, { signal }).catch(() => null);
      return Promise.race([typed, left]);
    },
    close() {
      lines.close();
      reader.destroy();
      writer.destroy();
    },
  };
};

/** Why nobody but a program can be typing here, or null. */
function notAPersonsShell(env: Readonly<Record<string, string | undefined>>): string | null {
  const isSet = (name: string): boolean => env[name] !== undefined && env[name] !== "";
  const mark = agentMark(env);
  if (mark !== undefined) return `this is an agent's shell (${mark} is set)`;
  if (isSet("CI") && env["CI"] !== "false" && env["CI"] !== "0") return "this is a CI run (CI is set)";
  return null;
}

function openBoth(): readonly [number, number] {
  try {
    const input = openSync("/dev/tty", "r");
    try {
      return [input, openSync("/dev/tty", "w")];
    } catch (error) {
      closeSync(input);
      throw error;
    }
  } catch (cause) {
    throw refusal("this process has no controlling terminal", cause);
  }
}

function refusal(reason: string, cause?: unknown): DomainError {
  return new DomainError("denied", `only a person at a terminal can answer: ${reason}`, {
    hint: "run the command yourself in a terminal window",
    cause,
  });
}
