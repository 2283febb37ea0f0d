/** What a memory is about; a closed set, so that filters mean the same to every agent. */
export const KINDS = [
  "fact",
  "doc",
  "code",
  "decision",
  "pattern",
  "bug",
  "task",
  "error",
  "test",
  "message",
] as const;

export type Kind = (typeof KINDS)[number];

export interface Source {
  readonly uri?: string | undefined;
  readonly path?: string | undefined;
  readonly commit?: string | undefined;
  /** The git blob id of what the file at `path` held when this was written; stamped by the server. */
  readonly blob?: string | undefined;
}

/** Where a memory stands in a conversation, a log or another ordered text. */
export interface Thread {
  readonly id: string;
  /** A part of the thread that belongs together, such as one sitting of a long conversation. */
  readonly session?: string | undefined;
  readonly seq?: number | undefined;
  readonly author?: string | undefined;
}

/** Names a session in its space: that of a thread, or the whole thread where it has none. */
export function sessionKey({ id, session }: Thread): string {
  return session === undefined ? id : `${id}\n${session}`;
}

export interface Mention {
  readonly name: string;
  readonly type: string;
}

/** One version of one memory. Times are epoch milliseconds. */
export interface Memory {
  readonly id: string;
  /** "shared" or "agent:<name>"; fixed for life. */
  readonly space: string;
  readonly kind: Kind;
  readonly title: string | undefined;
  readonly text: string;
  readonly source: Source | undefined;
  readonly thread: Thread | undefined;
  readonly tags: readonly string[];
  /** A JSON object; its keys may be any names, `__proto__` included, so it is carried whole and never spread. */
  readonly metadata: object;
  readonly entities: readonly Mention[];
  readonly taskId: string | undefined;
  /** The version holds from here (given as valid_from, else when it was recorded) … */
  readonly startsAt: number;
  /** … up to but without here. Undefined: it still holds. */
  readonly endsAt: number | undefined;
  readonly supersedes: string | undefined;
  readonly supersededBy: string | undefined;
  /** 1, 2, 3 … */
  readonly version: number;
  /** Who wrote this version. */
  readonly principal: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** How far a recalled text may be believed; it is data in every case. */
export type Trust = "own" | "agent" | "outside";

const OWN_SCHEMES = /^(?:slipway|memory|task|git|file):/i;

/**
 * Text with an address elsewhere, and documents and code taken from a source, are `outside`; what is in an agent's
 * space is that `agent`'s word; the rest is this project's `own`. Derived on every read, so nothing can raise it.
 */
export function trustOf(memory: Pick<Memory, "space" | "kind" | "source">): Trust {
  const { source, kind, space } = memory;
  if (source?.uri !== undefined && !OWN_SCHEMES.test(source.uri)) return "outside";
  if (source !== undefined && (kind === "doc" || kind === "code")) return "outside";
  return space === "shared" ? "own" : "agent";
}
