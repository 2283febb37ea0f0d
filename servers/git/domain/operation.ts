/** A change of a repository, written down before it is made, so that a killed process leaves no question open. */
export type OperationState = "planned" | "done" | "refused";

export const NEXT: Readonly<Record<OperationState, readonly OperationState[]>> = {
  planned: ["planned", "done", "refused"],
  done: [],
  refused: [],
};

export interface RefChange {
  readonly ref: string;
  /** Object id; null where the ref did not exist. */
  readonly from: string | null;
  /** Object id; null where the ref is removed. */
  readonly to: string | null;
}

/** A ref that goes back, and whether the files of a worktree that shows it go along or stay as unsaved work. */
export interface RefMove extends RefChange {
  readonly files: "keep" | "move";
}

export type BranchAction = "create" | "delete" | "rename";

/** What a worktree has checked out. */
export interface HeadState {
  /** Full ref name, or "HEAD" when detached. */
  readonly ref: string;
  readonly commit: string;
}

/** What is about to happen. The ids are fixed here: finishing a plan twice gives the same commit. */
export type Plan =
  | {
      readonly kind: "commit";
      readonly ref: RefChange;
      readonly worktree: string;
      readonly files: readonly string[];
    }
  | {
      readonly kind: "merge";
      readonly ref: RefChange;
      readonly source: string;
      readonly files: readonly string[];
    }
  | {
      readonly kind: "add_worktree";
      readonly ref: RefChange;
      readonly worktreeId: string;
      readonly path: string;
      readonly branch: string;
      readonly base: string;
    }
  | {
      readonly kind: "remove_worktree";
      readonly path: string;
      readonly worktreeId: string | null;
      /** What was checked out, null when the folder was gone already: what is needed to make it anew. */
      readonly was: HeadState | null;
    }
  | { readonly kind: "branch"; readonly action: BranchAction; readonly refs: readonly RefChange[] }
  | {
      readonly kind: "sync";
      readonly action: "fetch" | "push";
      readonly remote: string;
      readonly refs: readonly RefChange[];
    }
  | { readonly kind: "forge"; readonly action: string; readonly number: number | null }
  | { readonly kind: "undo"; readonly of: readonly string[]; readonly moves: readonly RefMove[] }
  | { readonly kind: "switch"; readonly worktree: string; readonly from: HeadState; readonly to: HeadState }
  | { readonly kind: "create_repository"; readonly path: string; readonly draft: string };

export interface Operation {
  readonly id: string;
  /** The shared git folder. */
  readonly repo: string;
  readonly state: OperationState;
  readonly plan: Plan;
  /** Milliseconds since the epoch; also the date of the commit it makes. */
  readonly at: number;
  readonly taskId: string | null;
  /** The operation that took this one back. */
  readonly undoneBy: string | null;
}
