import { existsSync } from "node:fs";
import { DomainError } from "../../../kernel/errors.ts";
import type { Flags } from "../../../kernel/flags.ts";
import { findHome } from "../../../kernel/home.ts";
import type { Io } from "../../../kernel/io.ts";
import { silentLog } from "../../../kernel/log.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { oneLine } from "../../../kernel/text.ts";
import { readTasksConfig } from "../config.ts";
import type { TasksDeps } from "../deps.ts";
import type { Task } from "../domain/task.ts";
import { openTasksDeps } from "../main.ts";
import type { TaskTx } from "../store/task-store.ts";

/** The flags that every verb of the queue takes. */
export const COMMON = {
  home: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** The queue of a state folder, and whoever sits at this terminal as its caller. */
export interface Queue {
  readonly deps: TasksDeps;
  readonly call: Call;
}

/**
 * Opens the queue that the flags and the environment name, for the length of `work`.
 *
 * @throws {DomainError} not_found where there is none yet; only `isMade` makes one.
 */
export async function withQueue<T>(
  flags: Flags,
  io: Io,
  work: (queue: Queue) => Promise<T>,
  isMade = false,
): Promise<T> {
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  const sources = { home, env: io.env, cwd: io.cwd, log: silentLog };
  const { database } = readTasksConfig(sources);
  if (!isMade && !existsSync(database)) {
    throw new DomainError("not_found", `there is no queue ${database}`, {
      hint: 'name the state folder with --home DIR, or begin one: slipway tasks add "<title>"',
    });
  }
  const deps = openTasksDeps(sources);
  try {
    return await work({ deps, call: callAtTerminal(io.signal) });
  } finally {
    deps.store.close();
  }
}

function callAtTerminal(signal: AbortSignal): Call {
  return {
    principal: { id: "local", channel: "in_process" },
    client: undefined,
    signal,
    progress: async () => undefined,
    ask: undefined,
    once: undefined,
    trace: { id: "slipway tasks", traceparent: undefined },
  };
}

/** @throws {DomainError} not_found */
export async function mustFind(tx: TaskTx, id: string): Promise<Task> {
  const task = await tx.find(id);
  if (task !== undefined) return task;
  throw new DomainError("not_found", `there is no task ${oneLine(id, 60)}`, {
    hint: "slipway tasks list --all shows the ids",
  });
}
