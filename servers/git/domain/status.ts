import type { GitPath } from "./path.ts";

/** What differs in a worktree; names as git has them, in git's order. */
export interface Status {
  /** null when detached. */
  readonly branch: string | null;
  /** null before the first commit. */
  readonly head: string | null;
  readonly detached: boolean;
  readonly unborn: boolean;
  /** Against the branch's upstream; null without one. */
  readonly ahead: number | null;
  readonly behind: number | null;
  readonly staged: readonly GitPath[];
  readonly modified: readonly GitPath[];
  readonly untracked: readonly GitPath[];
  readonly conflicted: readonly GitPath[];
}

/** Reads `git status --porcelain=v2 --branch -z`. Source: git-status(1), "Porcelain Format Version 2". */
export function parseStatus(output: GitPath): Status {
  let branch: string | null = null;
  let head: string | null = null;
  let detached = false;
  let ahead: number | null = null;
  let behind: number | null = null;
  const staged: GitPath[] = [];
  const modified: GitPath[] = [];
  const untracked: GitPath[] = [];
  const conflicted: GitPath[] = [];
  const records = output.split("\0");
  for (let at = 0; at < records.length; at += 1) {
    const record = records[at] ?? "";
    const fields = record.split(" ");
    switch (fields[0] ?? "") {
      case "#": {
        const value = fields.slice(2).join(" ");
        if (fields[1] === "branch.oid" && value !== "(initial)") head = value;
        if (fields[1] === "branch.head") {
          if (value === "(detached)") detached = true;
          else branch = value;
        }
        if (fields[1] === "branch.ab") {
          ahead = Number(fields[2]);
          behind = -Number(fields[3]);
        }
        break;
      }
      case "1":
      case "2": {
        const isRename = fields[0] === "2";
        const path = fields.slice(isRename ? 9 : 8).join(" ");
        const [inIndex, inWorktree] = fields[1] ?? "";
        if (inIndex !== ".") staged.push(path);
        if (inWorktree !== ".") modified.push(path);
        // The old name of a rename is a record of its own.
        if (isRename) at += 1;
        break;
      }
      case "u":
        conflicted.push(fields.slice(10).join(" "));
        break;
      case "?":
        untracked.push(record.slice(2));
        break;
    }
  }
  return {
    branch,
    head,
    detached,
    unborn: head === null,
    ahead,
    behind: behind === null ? null : behind + 0,
    staged,
    modified,
    untracked,
    conflicted,
  };
}

/** Every path with a difference, each once. */
export function dirtyPaths(status: Status): ReadonlySet<GitPath> {
  return new Set([...status.staged, ...status.modified, ...status.untracked, ...status.conflicted]);
}

/** Operations that git leaves open, by the file or folder that marks them in the git folder. */
export const IN_PROGRESS: readonly (readonly [mark: string, operation: string])[] = [
  ["MERGE_HEAD", "merge"],
  ["rebase-merge", "rebase"],
  ["rebase-apply", "rebase"],
  ["CHERRY_PICK_HEAD", "cherry_pick"],
  ["REVERT_HEAD", "revert"],
  ["BISECT_LOG", "bisect"],
];
