import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { parseReplayed, REPLAY_FORMAT } from "../domain/integration.ts";
import { compareVersions, parseVersion, type ReleasedCommit, type Version } from "../domain/release.ts";
import type { Signer } from "./sign.ts";
import { readBlobs } from "./trees.ts";

/** The highest version among the tags that a commit holds; undefined before the first. */
export async function lastRelease(
  git: GitContext,
  head: string,
): Promise<{ readonly tag: string; readonly version: Version } | undefined> {
  const command = gitCommand("for_each_ref", ["--format=%(refname:lstrip=2)", `--merged=${head}`], {
    revisions: ["refs/tags/"],
  });
  const { stdout } = await runGit(git, command);
  const found = stdout
    .toString("utf8")
    .split("\n")
    .flatMap((tag) => {
      const version = parseVersion(tag);
      return version === undefined ? [] : [{ tag, version }];
    });
  return found.toSorted((a, b) => compareVersions(b.version, a.version))[0];
}

const MAX_COMMITS = 5000;

/** Commits of a head that an earlier commit lacks, newest first. */
export async function commitsSince(
  git: GitContext,
  from: string | undefined,
  head: string,
): Promise<readonly ReleasedCommit[]> {
  const command = gitCommand(
    "log",
    ["-z", "--date=raw", `--format=${REPLAY_FORMAT}`, "--no-merges", `--max-count=${MAX_COMMITS}`],
    { revisions: from === undefined ? [head] : [head, `^${from}`] },
  );
  const { stdout } = await runGit(git, command);
  return parseReplayed(stdout.toString("utf8"));
}

/** The changeset files of a commit, as text. */
export async function changesets(git: GitContext, head: string): Promise<readonly string[]> {
  const command = gitCommand("ls_tree", ["-z", "--name-only", "--full-tree"], {
    revisions: [head],
    paths: [".changeset/"],
  });
  const { stdout } = await runGit(git, command);
  const paths = stdout
    .toString("latin1")
    .split("\0")
    .filter((path) => path.endsWith(".md") && !path.endsWith("/README.md"));
  const texts = await readBlobs(git, head, paths);
  return [...texts.values()].map((text) => Buffer.from(text, "latin1").toString("utf8"));
}

/** Writes an annotated tag object, signed where a signer is given, that nothing refers to yet. Source: git-mktag(1). */
export async function writeTag(
  git: GitContext,
  tag: { readonly name: string; readonly commit: string; readonly message: string; readonly at: number },
  sign?: Signer,
): Promise<string> {
  const name = git.environment["GIT_COMMITTER_NAME"] ?? "Slipway";
  const email = git.environment["GIT_COMMITTER_EMAIL"] ?? "slipway@localhost";
  const text = `object ${tag.commit}\ntype commit\ntag ${tag.name}\ntagger ${name} <${email}> ${Math.floor(tag.at / 1000)} +0000\n\n${tag.message.trim()}\n`;
  const input = sign === undefined ? text : `${text}${await sign(Buffer.from(text))}`;
  const { code, stdout, stderr } = await runGit(git, gitCommand("hash_object", ["-ttag", "-w", "--stdin"]), {
    input,
  });
  if (code !== 0) throw new Error(`the tag could not be written: ${stderr}`);
  return stdout.toString("utf8").trim();
}
