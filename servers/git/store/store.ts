import type { NewEvent } from "../../../kernel/events.ts";
import type { OnceKey, Store } from "../../../kernel/store.ts";
import type { Operation, OperationState, Plan } from "../domain/operation.ts";
import type { Lease } from "../domain/worktree.ts";

/** Who asked for an operation, and under which key. */
export interface Requester {
  readonly principal: string;
  readonly once: OnceKey | undefined;
}

/** A person's word that a repository may run its own code, as long as that is what it was. */
export interface Trust {
  /** Real path of the main git folder. */
  readonly repo: string;
  /** Of the repository's own code, see `readOwnCode`. */
  readonly digest: string;
  readonly by: string;
  readonly at: number;
}

/** What the git server remembers, inside one transaction. Events are part of the method that changes the state. */
export interface GitTx {
  /**
   * The operation planned under this key and not finished: its process was killed.
   * @throws {DomainError} conflict when the key was used with other arguments.
   */
  pending(requester: Requester): Operation | undefined;
  /** Writes an intent down, or replaces the plan of a pending operation of the same id. */
  plan(
    operation: {
      readonly id: string;
      readonly repo: string;
      readonly plan: Plan;
      readonly at: number;
      /** The task it is part of. */
      readonly taskId?: string | null;
    },
    requester: Requester,
  ): void;
  isPlanned(id: string): boolean;
  operation(id: string): Operation | undefined;
  /** What was done for a task and stands, the latest first. */
  operationsOfTask(repo: string, taskId: string): readonly Operation[];
  /** What processes that have died left unfinished, the oldest first; awaited where somebody may ask again by key. */
  orphans(repo: string): readonly { readonly operation: Operation; readonly isAwaited: boolean }[];
  /** Notes by which operation others were undone. What these had undone stands again. */
  markUndone(ids: readonly string[], by: string): void;
  /** The task that the latest leased worktree at this path, or of this branch, was made for. */
  taskOf(repo: string, place: { readonly path?: string; readonly branch?: string }): string | null;
  /** Takes back that a leased worktree was removed. */
  reviveLease(id: string): void;
  /** Ends an operation and tells of it. @throws {DomainError} invalid_state when it has already ended. */
  settle(id: string, state: Exclude<OperationState, "planned">, events: readonly NewEvent[]): void;
  addLease(lease: Lease): void;
  removeLease(path: string, at: number): void;
  leaseById(id: string): Lease | undefined;
  leaseByPath(path: string): Lease | undefined;
  leasesOf(repo: string): readonly Lease[];
  /** The trust that a person gave a repository, by its main git folder. */
  trustOf(repo: string): Trust | undefined;
  trusted(): readonly Trust[];
  trust(trust: Trust): void;
  /** Ends a trust; false where there was none. */
  distrust(repo: string): boolean;
  /** Tells of something that changes no state. */
  tell(...events: readonly NewEvent[]): void;
}

export type GitStore = Store<GitTx>;
