import type { ChangedCoverage } from "./coverage.ts";
import type { PathComplexity } from "./path-complexity.ts";

/** One file of a change. `added` and `deleted` are lines, null for a binary file. */
export interface FileChange {
  readonly path: string;
  /** The name before a rename; equals `path` otherwise. */
  readonly previousPath: string;
  readonly added: number | null;
  readonly deleted: number | null;
  /** Lines before the change, 0 for a new file, null when not counted. */
  readonly linesBefore: number | null;
}

/** A commit that was there before the change. */
export interface PastCommit {
  /** The author's address, as recorded. */
  readonly author: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly paths: readonly string[];
}

/** What is inside a change; null where it was not, or could not be, looked at. */
export interface ChangeContents {
  readonly complexity: PathComplexity | null;
  readonly coverage: (ChangedCoverage & { readonly report: string }) | null;
  /** What others can no longer do, one line each; empty where something public was looked at and holds. */
  readonly breaks: readonly string[] | null;
}

/** A change, looked into. */
export interface Change extends ChangeInHistory {
  readonly contents: ChangeContents;
  /** Everybody who made a commit of it, or is named as having helped, as `Name <address>`. */
  readonly authors: readonly string[];
}

/** A change and the history it stands on. Nothing of the history is newer than the change. */
export interface ChangeInHistory {
  /** Object id the change starts from; null when everything in `head` is new. */
  readonly base: string | null;
  readonly head: string;
  readonly author: string;
  /** When the newest commit of the change was made, epoch milliseconds. */
  readonly at: number;
  readonly files: readonly FileChange[];
  /** Messages of the commits in the change. */
  readonly messages: readonly string[];
  /** Newest first, without merges. */
  readonly past: readonly PastCommit[];
  /** Whether history is there at all: a shallow clone has none to speak of. */
  readonly historyKnown: boolean;
  /** Whether older commits were left out of `past`. */
  readonly historyCut: boolean;
}
