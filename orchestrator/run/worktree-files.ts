import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../kernel/errors.ts";
import { gitCommand } from "../../kernel/git/arguments.ts";
import { openGit, type GitContext, type GitSettings } from "../../kernel/git/open.ts";
import { runGit, type GitPlace } from "../../kernel/git/run.ts";

/** What the orchestrator does with git by itself: it reads trees and lays files out. Refs and commits are the git server's. */
export interface WorktreeFiles {
  /** Lays a commit or tree out in a fresh folder without any git data. */
  checkOut(repo: string, tree: string): Promise<{ readonly dir: string; remove(): Promise<void> }>;
  /** Removes every checkout of this run. */
  sweep(): Promise<void>;
  /** Makes a worktree's files exactly those of its HEAD plus a patch. */
  applyPatch(worktree: string, patch: string): Promise<void>;
  /** @throws {DomainError} invalid_state on a detached head. */
  currentBranch(worktree: string): Promise<string>;
  /** Tracked paths that differ from HEAD. */
  modifiedPaths(worktree: string): Promise<readonly string[]>;
  /** The commit a name stands for. */
  commitOf(repo: string, name: string): Promise<string>;
  head(worktree: string): Promise<string>;
  /** Whether a commit is another one or among its ancestors. */
  isAncestor(repo: string, ancestor: string, descendant: string): Promise<boolean>;
  /** The text of a file in a commit; "" where there is none. */
  textOf(repo: string, commit: string, path: string): Promise<string>;
  /** Paths that differ between two commits, with both names of a rename. */
  changedPaths(repo: string, from: string, to: string): Promise<readonly string[]>;
  /** Paths in the worktree that differ from HEAD or that git does not know. */
  dirtyPaths(worktree: string): Promise<readonly string[]>;
  /** The text of the change between two commits, cut at `maxBytes`. */
  diff(repo: string, from: string, to: string, maxBytes: number): Promise<string>;
}

/** `checkouts` is a folder of this run alone: what a killed life left there is swept away. */
export function worktreeFiles(settings: GitSettings, checkouts: string): WorktreeFiles {
  const open = (repo: string): Promise<GitContext> => openGit({ ...settings, repo });
  return {
    async checkOut(repo, tree) {
      const git = await open(repo);
      await mkdir(checkouts, { recursive: true, mode: 0o700 });
      const dir = await mkdtemp(join(checkouts, "tree-"));
      const index = `${dir}.index`;
      const remove = async (): Promise<void> => {
        await rm(dir, { recursive: true, force: true });
        await rm(index, { force: true });
      };
      try {
        const env = { GIT_INDEX_FILE: index };
        await must(git, gitCommand("read_tree", [], { revisions: [tree] }), { env });
        await must(git, gitCommand("checkout_index", ["--all", `--prefix=${dir}/`]), { env });
        return { dir, remove };
      } catch (error) {
        await remove();
        throw error;
      }
    },
    // Git that a killed run left behind may still be laying out files for a moment: a folder that fills is tried again.
    sweep: () => rm(checkouts, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }),
    async applyPatch(worktree, patch) {
      const git = await open(worktree);
      await must(git, gitCommand("reset", ["--hard", "--quiet"]), {});
      await must(git, gitCommand("clean", ["-ffdx", "--quiet"]), {});
      if (patch === "") return;
      await must(git, gitCommand("apply", ["--whitespace=nowarn"]), { input: Buffer.from(patch) });
    },
    async currentBranch(worktree) {
      const git = await open(worktree);
      const { code, stdout } = await runGit(
        git,
        gitCommand("symbolic_ref", ["--quiet", "--short"], { revisions: ["HEAD"] }),
      );
      if (code !== 0)
        throw new DomainError("unavailable", `${worktree} is on no branch`, {
          hint: "check out the branch that work should land on",
          retryable: false,
        });
      return stdout.toString("utf8").trim();
    },
    async modifiedPaths(worktree) {
      const { stdout } = await must(
        await open(worktree),
        gitCommand("diff", ["--name-only", "--no-renames", "-z"], { revisions: ["HEAD"] }),
        {},
      );
      return splitNul(stdout);
    },
    commitOf: async (repo, name) => (await open(repo)).resolveCommit(name),
    head: async (worktree) => (await open(worktree)).resolveCommit("HEAD"),
    async isAncestor(repo, ancestor, descendant) {
      const git = await open(repo);
      const { code, stderr } = await runGit(
        git,
        gitCommand("merge_base", ["--is-ancestor"], { revisions: [ancestor, descendant] }),
      );
      if (code === 0 || code === 1) return code === 0;
      throw new DomainError("invalid_state", "git refused: merge_base", {
        hint: "run again with --verbose to see what git said",
        cause: stderr,
      });
    },
    async textOf(repo, commit, path) {
      const git = await open(repo);
      const { code, stdout } = await runGit(
        git,
        gitCommand("cat_file", ["blob"], { revisions: [`${commit}:${path}`] }),
        { maxBytes: 1_000_000 },
      );
      return code === 0 ? stdout.toString("utf8") : "";
    },
    async changedPaths(repo, from, to) {
      const git = await open(repo);
      const { stdout } = await must(
        git,
        gitCommand("diff", ["--name-only", "--no-renames", "-z"], { revisions: [from, to] }),
        {},
      );
      return splitNul(stdout);
    },
    async dirtyPaths(worktree) {
      const git = await open(worktree);
      const changed = await must(
        git,
        gitCommand("diff", ["--name-only", "--no-renames", "-z"], { revisions: ["HEAD"] }),
        {},
      );
      const unknown = await must(git, gitCommand("ls_files", ["--others", "--exclude-standard", "-z"]), {});
      return [...splitNul(changed.stdout), ...splitNul(unknown.stdout)];
    },
    async diff(repo, from, to, maxBytes) {
      const git = await open(repo);
      const { stdout } = await runGit(git, gitCommand("diff", [], { revisions: [from, to] }), { maxBytes });
      return stdout.toString("utf8");
    },
  };
}

function splitNul(bytes: Buffer): readonly string[] {
  return bytes
    .toString("utf8")
    .split("\0")
    .filter((part) => part !== "");
}

async function must(
  git: GitPlace,
  command: ReturnType<typeof gitCommand>,
  options: Parameters<typeof runGit>[2],
): ReturnType<typeof runGit> {
  const result = await runGit(git, command, options);
  if (result.code !== 0) {
    throw new DomainError("invalid_state", `git refused: ${command.verb}`, {
      hint: "run again with --verbose to see what git said",
      cause: result.stderr,
    });
  }
  return result;
}
