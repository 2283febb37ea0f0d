import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import {
  parseReplayed,
  REPLAY_FORMAT,
  replayMessage,
  type Integration,
  type ReplayedCommit,
} from "../domain/integration.ts";
import type { SimulatedMerge } from "../domain/merge.ts";
import { isAncestor, writeCommit } from "./refs.ts";
import { emptyTree, simulateMerge } from "./trees.ts";

/** Three versions of a project, as commits or trees, and what their merge came to. */
export interface Trial extends SimulatedMerge {
  readonly base: string;
  /** The two commits that were merged: the target's side first. Their merge can be repeated to see more of it. */
  readonly sides: readonly [target: string, source: string];
  /** The commit that would not apply, in a series. */
  readonly stoppedAt?: string;
  /** What the target becomes; undefined for a merge, whose commit is written when it is wanted. */
  readonly commit?: string;
  readonly alreadyThere: boolean;
}

export interface TrialRequest {
  readonly operation: Integration;
  readonly source: string;
  readonly target: string;
  /** In place of the message of a picked or reverted commit. */
  readonly message?: string | undefined;
  /** Milliseconds since the epoch; the date of commits that are written. */
  readonly at: number;
}

const MAX_SERIES = 1000;

/**
 * Tries an integration in memory. Objects are written that nothing refers to; no ref, index or file changes.
 * @throws {DomainError} invalid_state without a common history, limit for a series of more than 1,000 commits.
 */
export async function tryIntegration(
  git: GitContext,
  request: TrialRequest,
  signal?: AbortSignal,
): Promise<Trial> {
  const { operation, source, target } = request;
  if (operation === "merge") {
    const [merged, base, alreadyThere] = await Promise.all([
      simulateMerge(git, target, source, signal),
      mergeBase(git, target, source),
      isAncestor(git, source, target),
    ]);
    return { ...merged, base, sides: [target, source], alreadyThere };
  }
  return replay(git, request, await readSeries(git, request, signal), signal);
}

/** Commits to be applied, oldest first. A rebase leaves merges out, as git does. */
async function readSeries(
  git: GitContext,
  { operation, source, target }: TrialRequest,
  signal: AbortSignal | undefined,
): Promise<readonly ReplayedCommit[]> {
  const isSeries = operation === "rebase";
  const command = gitCommand(
    "log",
    [
      "-z",
      "--date=raw",
      `--format=${REPLAY_FORMAT}`,
      `--max-count=${isSeries ? MAX_SERIES + 1 : 1}`,
      ...(isSeries ? (["--no-merges", "--topo-order", "--reverse"] as const) : []),
    ],
    { revisions: isSeries ? [source, `^${target}`] : [source] },
  );
  const { code, stdout, stderr } = await runGit(git, command, { signal });
  if (code !== 0) throw new Error(`git log failed: ${stderr}`);
  const commits = parseReplayed(stdout.toString("utf8"));
  if (commits.length <= MAX_SERIES) return commits;
  throw new DomainError("limit", `source has more than ${MAX_SERIES} commits that target lacks`, {
    hint: "merge it instead",
  });
}

async function replay(
  git: GitContext,
  request: TrialRequest,
  commits: readonly ReplayedCommit[],
  signal: AbortSignal | undefined,
): Promise<Trial> {
  const { operation, target, at } = request;
  if (operation === "merge") throw new Error("a merge is not replayed");
  let head = target;
  let trial: Omit<Trial, "alreadyThere"> = {
    tree: await treeOf(git, target),
    clean: true,
    conflicts: [],
    base: target,
    sides: [target, target],
  };
  for (const commit of commits) {
    const parent = commit.parents[0];
    // As git does: what already stands on the new ground stays the very same commit.
    if (operation === "rebase" && parent === head) {
      head = commit.id;
      trial = { ...trial, tree: commit.tree };
      continue;
    }
    const before = parent === undefined ? await emptyTree(git) : await treeOf(git, parent);
    const [base, theirs] = operation === "revert" ? [commit.tree, before] : [before, commit.tree];
    const { tree } = trial;
    const merged = await mergeTrees(git, { base, ours: tree, theirs }, signal);
    if (!merged.clean) return { ...merged, stoppedAt: commit.id, alreadyThere: false };
    trial = merged;
    // Its change is there already.
    if (merged.tree === tree) continue;
    head = await writeCommit(git, {
      tree: merged.tree,
      parents: [head],
      message:
        operation === "rebase" || request.message === undefined
          ? replayMessage(operation, commit)
          : `${request.message.trim()}\n`,
      at,
      ...(operation === "revert" ? {} : { author: { ...commit.author, date: commit.authored } }),
    });
  }
  const whole =
    operation === "rebase"
      ? { base: await mergeBase(git, target, request.source), sides: [target, request.source] as const }
      : {};
  return { ...trial, ...whole, commit: head, alreadyThere: head === target };
}

/** Merges two trees over a third, whatever the history says: git is shown a history of one commit and its two children. */
export async function mergeTrees(
  git: GitContext,
  trees: { readonly base: string; readonly ours: string; readonly theirs: string },
  signal?: AbortSignal,
): Promise<Omit<Trial, "alreadyThere">> {
  const write = (tree: string, parents: readonly string[]): Promise<string> =>
    writeCommit(git, { tree, parents, message: "trial\n", at: 0 });
  const base = await write(trees.base, []);
  const [ours, theirs] = await Promise.all([write(trees.ours, [base]), write(trees.theirs, [base])]);
  const merged = await simulateMerge(git, ours, theirs, signal);
  return { ...merged, base, sides: [ours, theirs] };
}

/** The tree of a commit, by its object id. */
export async function treeOf(git: GitContext, commit: string): Promise<string> {
  const command = gitCommand("rev_parse", ["--verify", "--quiet"], { revisions: [`${commit}^{tree}`] });
  const { stdout } = await runGit(git, command);
  return stdout.toString("utf8").trim();
}

/** One of the commits where two histories part; the target itself where they share none. */
async function mergeBase(git: GitContext, target: string, source: string): Promise<string> {
  const { code, stdout } = await runGit(git, gitCommand("merge_base", [], { revisions: [target, source] }));
  return code === 0 ? stdout.toString("utf8").trim() : target;
}
