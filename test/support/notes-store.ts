import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { KERNEL_TABLES } from "../../kernel/events.ts";
import type { Database } from "../../kernel/sqlite/database.ts";
import { openDatabase, type OpenOptions } from "../../kernel/sqlite/open.ts";
import { storeOver, type Store, type Writer } from "../../kernel/store.ts";

export const NOTES_ID = 0x534c5002;

/** The smallest store with a table of its own; the number is the task store's, so that the command line takes its files. */
export const NOTES: Omit<OpenOptions, "path"> = {
  applicationId: NOTES_ID,
  migrations: [`${KERNEL_TABLES} CREATE TABLE note (name TEXT NOT NULL UNIQUE) STRICT;`],
};

export const SOMEBODY: Writer = { principal: { id: "local" }, once: undefined };

export interface Notes {
  add(name: string): void;
  names(): readonly string[];
}

export function openNotes(path: string): Database {
  return openDatabase({ ...NOTES, path });
}

export function notesOver(db: Database, clock: Clock = Date.now): Store<Notes> {
  return storeOver(db, clock, (sql, emit) => ({
    add(name) {
      sql.run("INSERT INTO note (name) VALUES (?)", name);
      emit({ type: "memory.remembered", subject: name, data: { name } });
    },
    names: () => sql.all("SELECT name FROM note ORDER BY rowid").map((row) => String(row["name"])),
  }));
}

/** A new folder for one test. */
export function temporaryFolder(): { readonly path: string; in(name: string): string; remove(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "slipway-kernel-")));
  return {
    path,
    in: (name) => join(path, name),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
