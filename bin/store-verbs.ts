import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../kernel/clock.ts";
import { DomainError } from "../kernel/errors.ts";
import { parseFlags } from "../kernel/flags.ts";
import { findHome } from "../kernel/home.ts";
import { EXIT, type Command, type Io } from "../kernel/io.ts";
import { backupDatabase, listBackups, restoreDatabase } from "../kernel/sqlite/backup.ts";
import { checkFile } from "../kernel/sqlite/check.ts";
import { wrapConnection } from "../kernel/sqlite/database.ts";

/** The offline verbs that every store has: `slipway <server> backup|restore|check`. */
export const STORE_VERBS: Readonly<Record<string, (store: string) => Command>> = {
  check: (store) => async (argv, io) => {
    const path = storePath(store, argv, io).path;
    const problems = checkFile(path);
    for (const problem of problems) io.out(problem);
    io.err(problems.length === 0 ? `${path}: sound` : `${path}: ${problems.length} problems; \`slipway ${store} restore\` brings back the newest backup`);
    return problems.length === 0 ? EXIT.done : EXIT.failed;
  },
  backup: (store) => async (argv, io) => {
    const { path } = storePath(store, argv, io);
    const connection = new DatabaseSync(path, { timeout: 5_000 });
    try {
      io.out(await backupDatabase(wrapConnection(connection, path), systemClock));
    } finally {
      connection.close();
    }
    return EXIT.done;
  },
  restore: (store) => async (argv, io) => {
    const { path, from } = storePath(store, argv, io, false);
    const restored = restoreDatabase(path, from, systemClock);
    io.out(restored.from);
    io.err(`${path} is now what ${restored.from} was${restored.kept === null ? "" : `; the file before is kept as ${restored.kept}`}`);
    return EXIT.done;
  },
};

function storePath(store: string, argv: readonly string[], io: Io, mustExist = true): { readonly path: string; readonly from: string | undefined } {
  const flags = parseFlags(argv, { home: { type: "string" }, from: { type: "string" } }, 0);
  const path = join(findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd }), `${store}.db`);
  if (mustExist && !existsSync(path)) {
    const backups = listBackups(path).length;
    throw new DomainError("not_found", `there is no store ${path}`, {
      hint: backups > 0 ? `${backups} backups are there: slipway ${store} restore` : "name the state folder with --home DIR",
    });
  }
  return { path, from: flags.text("from") };
}
