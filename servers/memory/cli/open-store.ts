import { existsSync } from "node:fs";
import { systemClock } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import type { Flags } from "../../../kernel/flags.ts";
import { findHome } from "../../../kernel/home.ts";
import { idSource } from "../../../kernel/ids.ts";
import type { Io } from "../../../kernel/io.ts";
import { readMemoryConfig } from "../config.ts";
import { openMemoryStore, type MemoryStore } from "../store/sqlite.ts";

/** The store of the state folder that `--home` or the surroundings name. The caller closes it. */
export function openStore(flags: Flags, io: Io, isMade: boolean): MemoryStore {
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  const { database } = readMemoryConfig({ home, env: io.env, cwd: io.cwd });
  if (!isMade && !existsSync(database))
    throw new DomainError("not_found", `there is no store ${database}`, {
      hint: "name the state folder with --home DIR",
    });
  return openMemoryStore(database, systemClock, idSource(systemClock));
}
