import { existsSync } from "node:fs";
import { systemClock } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { findHome } from "../../../kernel/home.ts";
import { EXIT, type Io } from "../../../kernel/io.ts";
import { silentLog } from "../../../kernel/log.ts";
import { readDecisionConfig } from "../config.ts";
import type { DecisionStore } from "../store/decision-store.ts";
import { openDecisionStore } from "../store/sqlite.ts";

/**
 * Opens the decision store of the state folder that the flags and the environment name, for the length of `work`.
 * Undefined when there is none yet: looking does not make one.
 */
export async function withStore<T>(
  home: string | undefined,
  io: Io,
  work: (store: DecisionStore) => Promise<T>,
): Promise<T | undefined> {
  const folder = findHome({ flag: home, env: io.env, cwd: io.cwd });
  const config = readDecisionConfig({ home: folder, env: io.env, cwd: io.cwd, log: silentLog });
  if (!existsSync(config.database)) return undefined;
  const store = openDecisionStore(config.database, systemClock);
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

/** Says a refusal in one line and gives its exit code; anything else is a defect and goes on. */
export function exitFor(error: unknown, io: Io): number {
  if (!(error instanceof DomainError)) throw error;
  io.err(`error: ${error.message}${error.hint === undefined ? "" : ` (${error.hint})`}`);
  switch (error.code) {
    case "invalid":
      return EXIT.usage;
    case "denied":
    case "unavailable":
      return EXIT.configuration;
    default:
      return EXIT.failed;
  }
}
