import { setTimeout as pause } from "node:timers/promises";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { readHeadFile, readRefFile } from "../../../kernel/git/ref-files.ts";
import { runGit, type GitPlace } from "../../../kernel/git/run.ts";
import type { RefChange } from "../domain/operation.ts";
import { unwritable } from "./unwritable.ts";

/** The object id a full ref name stands for, or null when there is none. */
export async function readRef(git: GitContext, ref: string): Promise<string | null> {
  const read = await readRefFile(git, ref);
  if (read !== undefined) return read;
  const { code, stdout } = await runGit(
    git,
    gitCommand("rev_parse", ["--verify", "--quiet"], { revisions: [ref] }),
  );
  return code === 0 ? stdout.toString("utf8").trim() : null;
}

/**
 * The branch a worktree is on, as a full ref name; "HEAD" when detached.
 * @throws {DomainError} invalid_state when HEAD is neither.
 */
export async function headRef(git: GitContext): Promise<string> {
  const read = await readHeadFile(git);
  if (read !== undefined) return read;
  const { code, stdout, stderr } = await runGit(
    git,
    gitCommand("symbolic_ref", ["--quiet"], { revisions: ["HEAD"] }),
  );
  if (code === 0) return stdout.toString("utf8").trim();
  if (code === 1) return "HEAD";
  throw new DomainError("invalid_state", `the HEAD of ${git.worktree} names no branch and no commit`, {
    hint: "switch that worktree to a branch by hand",
    cause: stderr,
  });
}

/**
 * Moves a ref from one id to the other, all or nothing, and says whether it did; false means somebody else moved it
 * first. A lock held by another process is waited for, up to five seconds.
 * @throws {DomainError} unavailable when the ref stays locked.
 */
export async function swapRef(
  git: GitContext,
  { ref, from, to }: RefChange,
  reason: string,
): Promise<boolean> {
  return swapRefs(git, [{ ref, from, to }], reason);
}

/** The same for several refs in one transaction: all of them move, or none. */
export async function swapRefs(
  git: GitContext,
  changes: readonly RefChange[],
  reason: string,
): Promise<boolean> {
  const command = gitCommand("update_ref", ["--create-reflog", `-m${reason}`]);
  const input = `start\0${changes.map(instruction).join("")}prepare\0commit\0`;
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const { code, stderr } = await runGit(git, command, { input });
    if (code === 0) return true;
    const full = unwritable(stderr);
    if (full !== undefined) throw full;
    const now = await Promise.all(changes.map(({ ref }) => readRef(git, ref)));
    if (now.some((id, at) => id !== changes[at]?.from)) return false;
    await pause(jitter(attempt));
  }
  throw new DomainError("unavailable", `${changes[0]?.ref ?? "a ref"} stays locked by another process`, {
    hint: "call again; if no git is running there, a person removes the stale .lock file beside the ref",
  });
}

function instruction({ ref, from, to }: RefChange): string {
  if (to === null) return `delete ${ref}\0${from ?? ""}\0`;
  return from === null ? `create ${ref}\0${to}\0` : `update ${ref}\0${to}\0${from}\0`;
}

export async function isAncestor(git: GitPlace, ancestor: string, descendant: string): Promise<boolean> {
  const { code } = await runGit(
    git,
    gitCommand("merge_base", ["--is-ancestor"], { revisions: [ancestor, descendant] }),
  );
  return code === 0;
}

/** Commits reachable from `to` and not from `from`. */
export async function countCommits(git: GitPlace, from: string, to: string): Promise<number> {
  const { stdout } = await runGit(git, gitCommand("rev_list", ["--count"], { revisions: [to, `^${from}`] }));
  return Number(stdout.toString("utf8").trim());
}

/** The first-parent commit of `target` that merged exactly this commit, or undefined; looks back 10,000 commits. */
export async function findMergeOf(
  git: GitPlace,
  source: string,
  target: string,
): Promise<string | undefined> {
  const command = gitCommand("rev_list", ["--first-parent", "--parents", "--max-count=10000"], {
    revisions: [target, `^${source}`],
  });
  const { stdout } = await runGit(git, command);
  for (const line of stdout.toString("utf8").split("\n")) {
    const [commit, , ...merged] = line.split(" ");
    if (merged.includes(source)) return commit;
  }
  return undefined;
}

/** How many branches and tags hold this commit; counts to `most`. Our own undo refs do not count. */
export async function countHolders(git: GitPlace, commit: string, most: number): Promise<number> {
  const command = gitCommand(
    "for_each_ref",
    [`--count=${most}`, "--format=%(refname)", `--contains=${commit}`],
    {
      revisions: ["refs/heads/", "refs/tags/", "refs/remotes/"],
    },
  );
  const { stdout } = await runGit(git, command);
  return stdout
    .toString("utf8")
    .split("\n")
    .filter((name) => name !== "").length;
}

/** Every ref below a prefix such as `refs/remotes/origin/`, with its object id. */
export async function refsBelow(git: GitPlace, prefix: string): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await runGit(
    git,
    gitCommand("for_each_ref", ["--format=%(refname) %(objectname)"], { revisions: [prefix] }),
  );
  const refs = new Map<string, string>();
  for (const line of stdout.toString("utf8").split("\n")) {
    const [ref, id] = line.split(" ");
    if (ref !== undefined && id !== undefined) refs.set(ref, id);
  }
  return refs;
}

/** Short names of all local branches. */
export async function localBranches(git: GitPlace): Promise<readonly string[]> {
  const command = gitCommand("for_each_ref", ["--format=%(refname:lstrip=2)"], {
    revisions: ["refs/heads/"],
  });
  const { stdout } = await runGit(git, command);
  return stdout
    .toString("utf8")
    .split("\n")
    .filter((name) => name !== "");
}

export interface NewCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  /** Milliseconds since the epoch, cut to seconds: the same input always gives the same object id. */
  readonly at: number;
  /** Default: our own identity, at `at`. The date as git takes it. */
  readonly author?: { readonly name: string; readonly email: string; readonly date: string };
}

/** Writes a commit object and moves nothing. */
export async function writeCommit(git: GitPlace, commit: NewCommit): Promise<string> {
  const { author } = commit;
  const date = `@${Math.floor(commit.at / 1000)} +0000`;
  const command = gitCommand(
    "commit_tree",
    commit.parents.map((parent): `-p${string}` => `-p${parent}`),
    { revisions: [commit.tree] },
  );
  const { code, stdout, stderr } = await runGit(git, command, {
    input: commit.message,
    env: {
      GIT_AUTHOR_DATE: author?.date ?? date,
      GIT_COMMITTER_DATE: date,
      // git takes no empty name, yet old histories hold some.
      ...(author === undefined
        ? {}
        : { GIT_AUTHOR_NAME: author.name.trim() || "unknown", GIT_AUTHOR_EMAIL: author.email }),
    },
  });
  if (code !== 0) throw unwritable(stderr) ?? new Error(`commit-tree failed: ${stderr}`);
  return stdout.toString("utf8").trim();
}

/** Milliseconds to wait before another try: grows to 100, and spreads processes that collide. */
export function jitter(attempt: number): number {
  // Chance is wanted here and nowhere else: two processes in step would collide for ever.
  return Math.min(100, 5 * (attempt + 1)) * (0.5 + Math.random());
}
