import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { assertMovable, moveCheckout } from "./checkout.ts";
import { headRef, readRef } from "./refs.ts";
import type { HeadState } from "../domain/operation.ts";

/** What the worktree has checked out; undefined before the first commit. */
export async function readHead(git: GitContext): Promise<HeadState | undefined> {
  const ref = await headRef(git);
  const commit = await readRef(git, ref);
  return commit === null ? undefined : { ref, commit };
}

/**
 * Checks something else out, files included. Unsaved work that is not in the way stays.
 * @throws {DomainError} invalid_state naming the files in the way; nothing has changed then.
 */
export async function switchHead(git: GitContext, from: HeadState, to: HeadState): Promise<boolean> {
  await assertMovable(git, from.commit, to.commit);
  await pointHead(git, to);
  if (await moveCheckout(git, from.commit, to.commit)) return true;
  await pointHead(git, from);
  return false;
}

/** Points HEAD at a branch, or at a commit when the state is detached. Index and files stay as they are. */
export async function pointHead(git: GitContext, { ref, commit }: HeadState): Promise<void> {
  const reason = "switch: by slipway";
  const { code, stderr } =
    ref === "HEAD"
      ? await runGit(git, gitCommand("update_ref", ["--create-reflog", `-m${reason}`]), {
          input: `option no-deref\0update HEAD\0${commit}\0\0`,
        })
      : await runGit(git, gitCommand("symbolic_ref", [`-m${reason}`], { revisions: ["HEAD", ref] }));
  if (code !== 0) throw new Error(`HEAD cannot be pointed at ${ref}: ${stderr}`);
}
