import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { systemClock } from "../kernel/clock.ts";
import { DomainError } from "../kernel/errors.ts";
import { parseFlags } from "../kernel/flags.ts";
import { findHome } from "../kernel/home.ts";
import { EXIT, type Command } from "../kernel/io.ts";
import { backupDatabase, listBackups } from "../kernel/sqlite/backup.ts";
import { checkFile } from "../kernel/sqlite/check.ts";
import { restoreDatabase } from "../kernel/sqlite/restore.ts";

/** The stores of a state folder and the number each writes into its file: the five servers', and the record of runs. */
export const STORES: ReadonlyMap<string, number> = new Map([
  ["memory", 0x534c5001],
  ["tasks", 0x534c5002],
  ["sandbox", 0x534c5003],
  ["git", 0x736c7767],
  ["decision", 0x534c5005],
  ["runs", 0x534c5006],
]);

/** The offline verbs that every store has: `slipway <store> backup|restore|check`. */
export const STORE_VERBS: ReadonlyMap<string, (store: string) => Command> = new Map([
  ["backup", backupCommand],
  ["restore", restoreCommand],
  ["check", checkCommand],
]);

const COMMON = { home: { type: "string" }, help: { type: "boolean", short: "h" } } as const;

function checkCommand(store: string): Command {
  return async (argv, io) => {
    const flags = parseFlags(argv, COMMON, 0);
    if (flags.has("help")) {
      io.out(
        `slipway ${store} check [--home DIR]\n\nReads the store without changing it: pages, references, and the chain of events. Exit 1 when something is wrong.`,
      );
      return EXIT.done;
    }
    const path = existing(store, findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd }));
    const problems = checkFile(path);
    for (const problem of problems) io.out(problem);
    io.err(
      problems.length === 0
        ? `${path}: sound`
        : `${path}: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}; \`slipway ${store} restore\` brings back the newest backup`,
    );
    return problems.length === 0 ? EXIT.done : EXIT.failed;
  };
}

function backupCommand(store: string): Command {
  return async (argv, io) => {
    const flags = parseFlags(argv, COMMON, 0);
    if (flags.has("help")) {
      io.out(
        `slipway ${store} backup [--home DIR]\n\nCopies the store into the folder "backups" beside it, also while servers use it, and prints the new file.`,
      );
      return EXIT.done;
    }
    const path = existing(store, findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd }));
    io.out(await backupDatabase(path, systemClock));
    return EXIT.done;
  };
}

function restoreCommand(store: string): Command {
  return async (argv, io) => {
    const flags = parseFlags(argv, { ...COMMON, from: { type: "string" } }, 0);
    if (flags.has("help")) {
      io.out(
        `slipway ${store} restore [--from FILE] [--home DIR]\n\nPuts the newest sound backup, or FILE, in the place of the store. What was there is kept beside it. Stop the servers first.`,
      );
      return EXIT.done;
    }
    const path = join(findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd }), `${store}.db`);
    const from = flags.text("from");
    const restored = await restoreDatabase(
      path,
      STORES.get(store) ?? 0,
      from === undefined ? undefined : resolve(io.cwd, from),
      systemClock,
    );
    io.out(restored.from);
    io.err(
      `${path} is now what ${restored.from} was${restored.kept === null ? "" : `; the file before is kept as ${restored.kept}`}`,
    );
    return EXIT.done;
  };
}

/** @throws {DomainError} not_found, saying whether there is something to restore. */
function existing(store: string, home: string): string {
  const path = join(home, `${store}.db`);
  if (existsSync(path)) return path;
  const backups = listBackups(path).length;
  throw new DomainError("not_found", `there is no store ${path}`, {
    hint:
      backups > 0
        ? `${backups} backups are there: slipway ${store} restore`
        : "name the state folder with --home DIR",
  });
}
