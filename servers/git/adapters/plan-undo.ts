import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Operation, RefChange, RefMove } from "../domain/operation.ts";
import { inverse } from "../domain/undo.ts";
import { nameSome } from "./checkout.ts";
import { isAncestor, readRef, writeCommit } from "./refs.ts";
import { mergeTrees, treeOf } from "./replay.ts";

/**
 * Plans how refs go back over several operations, the latest first: to where they were while they still stand where an
 * operation put them, else by a commit on top that undoes it. Writes objects only.
 * @throws {DomainError} conflict where later commits changed the same lines, invalid_state where there is nothing to undo.
 */
export async function planMoves(
  git: GitContext,
  operations: readonly Operation[],
  at: number,
): Promise<readonly RefMove[]> {
  const moves: RefMove[] = [];
  const now = new Map<string, string | null>();
  const current = async (ref: string): Promise<string | null> => {
    const known = now.get(ref);
    return known === undefined ? readRef(git, ref) : known;
  };
  for (const { plan } of operations) {
    for (const wanted of movesBack(plan)) {
      const move = await moveFrom(git, wanted, await current(wanted.ref), at);
      now.set(move.ref, move.to);
      moves.push(move);
    }
  }
  return moves;
}

/** The moves that would take a plan back exactly. Empty for a plan that moves no refs. */
function movesBack(plan: Operation["plan"]): readonly RefMove[] {
  const back = ({ ref, from, to }: RefChange, files: RefMove["files"]): RefMove => ({
    ref,
    from: to,
    to: from,
    files,
  });
  switch (plan.kind) {
    case "commit":
      return [back(plan.ref, "keep")];
    case "merge":
      return [back(plan.ref, "move")];
    case "branch":
      return plan.refs.map((change) => back(change, "keep"));
    case "undo":
      return inverse(plan.moves);
    case "add_worktree":
    case "remove_worktree":
    case "create_repository":
    case "switch":
    case "forge":
    case "sync":
      return [];
  }
}

async function moveFrom(
  git: GitContext,
  wanted: RefMove,
  current: string | null,
  at: number,
): Promise<RefMove> {
  if (current === wanted.from) return wanted;
  const name = wanted.ref.replace("refs/heads/", "");
  if (
    current === null ||
    wanted.from === null ||
    wanted.to === null ||
    !(await isAncestor(git, wanted.from, current))
  ) {
    throw new DomainError("invalid_state", `${name} no longer holds what this operation did`, {
      hint: "there is nothing to take back there; get_repo_history shows the branch",
    });
  }
  const [base, ours, theirs] = await Promise.all([
    treeOf(git, wanted.from),
    treeOf(git, current),
    treeOf(git, wanted.to),
  ]);
  const merged = await mergeTrees(git, { base, ours, theirs });
  if (!merged.clean) {
    throw new DomainError(
      "conflict",
      `later commits of ${name} changed the same lines in ${nameSome(merged.conflicts.map(({ path }) => path))}`,
      { hint: "undo those first, or revert by hand; nothing was changed" },
    );
  }
  if (merged.tree === ours) {
    throw new DomainError("invalid_state", `${name} shows nothing of this operation any more`, {
      hint: "it was taken back already",
    });
  }
  const to = await writeCommit(git, {
    tree: merged.tree,
    parents: [current],
    message: `Undo ${wanted.from}\n\nThis reverts commit ${wanted.from}.\n`,
    at,
  });
  return { ref: wanted.ref, from: current, to, files: "move" };
}
