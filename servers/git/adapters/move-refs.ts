import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { RefMove } from "../domain/operation.ts";
import type { GitPath } from "../domain/path.ts";
import { netChanges } from "../domain/undo.ts";
import { assertMovable, checkoutOf, moveCheckout, nameSome } from "./checkout.ts";
import { refreshIndex } from "./commit.ts";
import type { GitHost } from "./host.ts";
import { swapRefs } from "./refs.ts";
import { emptyTree, readChanges } from "./trees.ts";

/** A worktree that shows a ref which is about to move, with the way its files take. */
export interface Follower {
  readonly checkout: GitContext;
  readonly moves: readonly RefMove[];
  readonly kept: readonly GitPath[];
}

/**
 * Finds the worktrees that show these refs and makes sure that their files can follow without harm to unsaved work.
 * @throws {DomainError} invalid_state naming what is in the way. Nothing has changed.
 */
export async function followersOf(
  host: GitHost,
  git: GitContext,
  moves: readonly RefMove[],
): Promise<readonly Follower[]> {
  const followers = await findFollowers(host, git, moves);
  for (const { checkout, moves: own, kept } of followers) {
    const moving: GitPath[] = [];
    for (const move of own) {
      if (move.files === "keep") continue;
      moving.push(...(await pathsBetween(checkout, move)));
      if (move.from !== null && move.to !== null) await assertMovable(checkout, move.from, move.to);
    }
    const both = moving.filter((path) => kept.includes(path));
    if (both.length > 0) {
      throw new DomainError("invalid_state", `${nameSome(both)} was changed again after it was integrated`, {
        hint: "undo the later operations first, one by one",
      });
    }
  }
  return followers;
}

/** The worktrees that show these refs, whatever their state. */
export async function findFollowers(
  host: GitHost,
  git: GitContext,
  moves: readonly RefMove[],
): Promise<readonly Follower[]> {
  const followers: Follower[] = [];
  for (const ref of new Set(moves.map((move) => move.ref))) {
    const checkout = ref.startsWith("refs/heads/")
      ? await checkoutOf(host, git, ref.slice("refs/heads/".length))
      : undefined;
    if (checkout === undefined) continue;
    const own = moves.filter((move) => move.ref === ref);
    const kept: GitPath[] = [];
    for (const move of own) if (move.files === "keep") kept.push(...(await pathsBetween(checkout, move)));
    followers.push({ checkout, moves: own, kept });
  }
  return followers;
}

/** Moves all refs at once, then the files. False when somebody else moved one of them first: nothing has changed. */
export async function moveRefs(
  git: GitContext,
  moves: readonly RefMove[],
  followers: readonly Follower[],
): Promise<boolean> {
  if (!(await swapRefs(git, netChanges(moves), "undo: by slipway"))) return false;
  await follow(followers);
  return true;
}

/** Brings files and index of worktrees to where their refs are; does nothing where they are already. */
export async function follow(followers: readonly Follower[]): Promise<void> {
  for (const { checkout, moves, kept } of followers) {
    for (const { from, to, files } of moves)
      if (files === "move" && from !== null && to !== null) await moveCheckout(checkout, from, to);
    if (kept.length > 0) await refreshIndex(checkout, kept);
  }
}

async function pathsBetween(git: GitContext, { from, to }: RefMove): Promise<readonly GitPath[]> {
  const empty = await emptyTree(git);
  return (await readChanges(git, [from ?? empty, to ?? empty])).map(({ path }) => path);
}
