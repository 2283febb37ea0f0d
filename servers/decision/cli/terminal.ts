import { closeSync, openSync } from "node:fs";
import { userInfo } from "node:os";
import { createInterface } from "node:readline/promises";
import { isatty, ReadStream, WriteStream } from "node:tty";
import { DomainError } from "../../../kernel/errors.ts";
import type { Io } from "../../../kernel/io.ts";
import { notAPersonsShell } from "../config.ts";
import type { DecisionTx } from "../store/decision-store.ts";
import { withStore } from "./opened.ts";

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

/** What was tried, and whether there is such a thing: the log is not to be filled with made-up names. */
interface Attempt {
  readonly what: string;
  readonly subject: string;
  readonly isThere: (tx: DecisionTx) => Promise<boolean>;
}

/** Opens the terminal; a program that tried without one is on record before it is refused. */
export async function openOrNote(
  openTerminal: OpenTerminal,
  home: string | undefined,
  io: Io,
  { isThere, ...attempt }: Attempt,
): Promise<Terminal> {
  try {
    return openTerminal(io);
  } catch (error) {
    if (error instanceof DomainError && error.code === "denied") {
      const { code, message } = error;
      await withStore(home, io, (store) =>
        store.write({ principal: { id: "local" }, once: undefined }, async (tx) => {
          if (await isThere(tx)) await tx.noteRefusal({ ...attempt, code, reason: message });
        }),
      );
    }
    throw error;
  }
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
