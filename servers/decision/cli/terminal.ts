import { DomainError } from "../../../kernel/errors.ts";
import type { Io } from "../../../kernel/io.ts";
import type { OpenTerminal, Terminal } from "../../../kernel/terminal.ts";
import type { DecisionTx } from "../store/decision-store.ts";
import { withStore } from "./opened.ts";

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
