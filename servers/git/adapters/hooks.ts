import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { cleanText, clipText } from "../../../kernel/text.ts";

/** The hooks that `commit_changes` runs in a repository that a person trusts. */
export type CommitHook = "pre-commit" | "commit-msg";

/**
 * Runs a hook of a trusted repository on a private index, as `git commit` would; does nothing in any other, or where
 * there is no such hook.
 *
 * @param file what `commit-msg` may rewrite; handed to the hook.
 * @throws {DomainError} denied with the end of what the hook said, when it refuses.
 */
export async function runHook(
  git: GitContext,
  hook: CommitHook,
  {
    index,
    file,
    signal,
  }: { readonly index: string; readonly file?: string; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (!git.trusted) return;
  const command = gitCommand("run_hook", [], {
    revisions: [hook],
    ...(file === undefined ? {} : { paths: [file] }),
  });
  const { code, stdout, stderr } = await runGit(git, command, {
    env: { GIT_INDEX_FILE: index, GIT_EDITOR: ":" },
    timeoutMs: 300_000,
    signal,
  });
  if (code === 0) return;
  const said = cleanText(`${stdout.toString("utf8")}\n${stderr}`).trim();
  throw new DomainError(
    "denied",
    `the ${hook} hook of the repository refuses: ${clipText(said.slice(-1_000), 1_000)}`,
    {
      hint: "mend what it names and call again",
    },
  );
}
