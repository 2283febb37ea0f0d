import type { Clock } from "../../kernel/clock.ts";
import type { NewId } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { CheckedReceipt } from "./domain/evidence.ts";
import type { TaskStore } from "./store/task-store.ts";

/** What the tasks tools work with. The server owns none of it but the store, which it closes. */
export interface TasksDeps {
  readonly store: TaskStore;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Makes an unguessable claim token. */
  readonly newToken: () => string;
  /** Draws from 0..1. */
  readonly random: () => number;
  /** What a sandbox receipt says, or null when it is not genuine. */
  readonly checkReceipt: (receipt: string) => CheckedReceipt | null;
  readonly log: Log;
}
