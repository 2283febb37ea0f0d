import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DomainError } from "../../kernel/errors.ts";
import { gitCommand } from "../../kernel/git/arguments.ts";
import { gitOutside } from "../../kernel/git/open.ts";
import { runGit } from "../../kernel/git/run.ts";

/** Copies the bundled sample into a folder that must not exist yet. It has no git history: whoever copies it makes one. */
export async function copySample(target: string): Promise<void> {
  await cp(fileURLToPath(new URL("./sample/", import.meta.url)), target, {
    recursive: true,
    errorOnExist: true,
    force: false,
  });
}

/** Makes the bundled sample a repository with one commit on `main`. */
export async function makeSampleRepository(target: string, path: string): Promise<void> {
  await copySample(target);
  const home = await mkdtemp(join(tmpdir(), "slipway-git-"));
  try {
    const git = gitOutside({ directory: target, path, home });
    const must = async (command: Parameters<typeof runGit>[1], input?: string): Promise<string> => {
      const { code, stdout, stderr } = await runGit(git, command, input === undefined ? {} : { input });
      if (code !== 0)
        throw new DomainError("unavailable", "the sample repository could not be made", {
          hint: "is git installed?",
          cause: stderr,
        });
      return stdout.toString("utf8").trim();
    };
    await must(gitCommand("init", ["--quiet", "--initial-branch=main", "--template="]));
    await must(gitCommand("add", ["--all"]));
    const tree = await must(gitCommand("write_tree"));
    const commit = await must(
      gitCommand("commit_tree", [], { revisions: [tree] }),
      "The sample, with two mistakes and a missing function\n",
    );
    await must(gitCommand("update_ref"), `create refs/heads/main\0${commit}\0`);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
