import type { Clock } from "../../kernel/clock.ts";
import type { NewId } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { GitHost } from "./adapters/host.ts";
import type { KeyedMutex } from "./adapters/mutex.ts";
import type { Forge } from "./domain/forge.ts";
import type { GitStore } from "./store/store.ts";

/** What the git tools work with. The server owns none of it but the store, which it closes. */
export interface GitDeps {
  readonly host: GitHost;
  readonly store: GitStore;
  /** Orders the writers of one repository within this process. */
  readonly inTurn: KeyedMutex;
  readonly forge: Forge;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Log;
}
