import type { Change } from "../domain/change.ts";

export interface ChangeRequest {
  /** A folder of the repository, below an allowed root. */
  readonly repo: string;
  /** Left out: the parent of `head`, or nothing where it has none. */
  readonly base: string | undefined;
  readonly head: string;
  readonly signal: AbortSignal;
}

/** Where changes are read from. Reads only, and never anything newer than the change. */
export interface ChangeSource {
  /** @throws {DomainError} not_found, denied, invalid, limit or unavailable; nothing is ever half read. */
  read(request: ChangeRequest): Promise<Change>;
}
