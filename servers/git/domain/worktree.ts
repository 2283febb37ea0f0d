/** One entry of `git worktree list`; the first is the main one. */
export interface WorktreeEntry {
  readonly path: string;
  readonly head: string | null;
  /** Short name; null when detached. */
  readonly branch: string | null;
  readonly main: boolean;
  readonly locked: boolean;
  /** Its folder is gone. */
  readonly prunable: boolean;
}

/** Reads `git worktree list --porcelain -z`. Source: git-worktree(1), "LIST OUTPUT FORMAT". */
export function parseWorktrees(output: string): readonly WorktreeEntry[] {
  const entries: WorktreeEntry[] = [];
  for (const block of output.split("\0\0")) {
    const fields = new Map(
      block.split("\0").map((line): [string, string] => {
        const space = line.indexOf(" ");
        return space === -1 ? [line, ""] : [line.slice(0, space), line.slice(space + 1)];
      }),
    );
    const path = fields.get("worktree");
    if (path === undefined) continue;
    const head = fields.get("HEAD");
    entries.push({
      path,
      head: head === undefined || /^0+$/.test(head) ? null : head,
      branch: fields.get("branch")?.replace(/^refs\/heads\//, "") ?? null,
      main: entries.length === 0,
      locked: fields.has("locked"),
      prunable: fields.has("prunable"),
    });
  }
  return entries;
}

/** A worktree this server made and who may expect it to live until when. */
export interface Lease {
  readonly id: string;
  /** The shared git folder of its repository. */
  readonly repo: string;
  readonly path: string;
  readonly branch: string;
  /** Object id it started from. */
  readonly base: string;
  readonly taskId: string | null;
  readonly createdAt: number;
  /** null for no limit. */
  readonly expiresAt: number | null;
}
