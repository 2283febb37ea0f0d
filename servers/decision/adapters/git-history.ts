import { existsSync } from "node:fs";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand, type GitArguments } from "../../../kernel/git/arguments.ts";
import { openGit, type GitContext, type GitSettings } from "../../../kernel/git/open.ts";
import { runGit, type RunOptions } from "../../../kernel/git/run.ts";
import type { Change, FileChange, PastCommit } from "../domain/change.ts";
import { contentsReader } from "./change-contents.ts";
import type { ChangeSource } from "./change-source.ts";
import { parseCommits, parseNumstat } from "./git-output.ts";

/** Commits of the past that are read; older ones change the metrics little and cost much. */
const MAX_PAST = 5_000;
/** Commits of the range whose messages are read. */
const MAX_RANGE = 1_000;
const MOST_AUTHORS = 200;
const MOST_FILES = 20_000;
/** Files whose former length is counted. Beyond it the length is unknown. */
const MAX_COUNTED_FILES = 500;
/** Names that can be handed back to git: no control characters, and no bytes that were not UTF-8. */
const NAMEABLE = /^[^\u0000-\u001f\u007f\ufffd]{1,4096}$/;
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;

/**
 * Reads changes through the hardened git runner; `settings.roots` bounds which repositories. `readContents` keeps the
 * grammars it has loaded.
 */
export function gitHistory(
  settings: GitSettings,
  mostFiles = MOST_FILES,
  readContents = contentsReader(),
): ChangeSource {
  return {
    async read({ repo, base, head, signal }) {
      const git = await openGit({ ...settings, repo });
      const run = (command: GitArguments): Promise<string> => mustRun(git, command, { signal });
      const headId = await git.resolveCommit(head);
      const from = await startOf(git, base, headId, signal);
      const [files, newest, commits, past] = await Promise.all([
        filesOf(run, from, headId, mostFiles),
        run(gitCommand("log", ["-z", "--max-count=1", "--format=%ae%x00%ct"], { revisions: [headId] })),
        run(
          gitCommand("log", ["-z", `--max-count=${MAX_RANGE}`, "--format=%an <%ae>%n%B"], {
            revisions: [from === null ? headId : `${from}..${headId}`],
          }),
        ),
        pastOf(run, from),
      ]);
      const [author = "", seconds = ""] = newest.split("\0");
      const at = Number.parseInt(seconds, 10) * 1_000;
      const made = commits.split("\0").filter((text) => text !== "");
      const messages = made.map((text) => text.slice(text.indexOf("\n") + 1));
      const contents = await readContents({
        run: (command, input) =>
          mustRead(git, command, { signal, ...(input === undefined ? {} : { input }) }),
        from,
        head: headId,
        files,
        worktree: (await git.resolveCommit("HEAD").catch(() => "")) === headId ? git.worktree : null,
        at,
      });
      return {
        base: from,
        head: headId,
        author,
        at,
        contents,
        files: await withFormerLength(run, from, files),
        messages,
        authors: [...new Set(made.flatMap(authorsOf))].slice(0, MOST_AUTHORS),
        past,
        // In a shallow clone "no earlier commit" only says that it was not fetched.
        historyKnown: !isShallow(git),
        historyCut: past.length >= MAX_PAST,
      } satisfies Change;
    },
  };
}

/** Who made a commit, which its first line here says, and whom its message names beside them. */
function authorsOf(commit: string): readonly string[] {
  const helpers = commit.matchAll(/^co-authored-by:[ \t]*(\S.{0,299})$/gim);
  return [commit.slice(0, commit.indexOf("\n")), ...Array.from(helpers, ([, name]) => name ?? "")].map(
    (name) => name.slice(0, 300),
  );
}

/** The newest commit that both sides share: what `head` brings is measured from there, as a merge would see it. */
async function startOf(
  git: GitContext,
  base: string | undefined,
  headId: string,
  signal: AbortSignal,
): Promise<string | null> {
  if (base === undefined) {
    const parents = await mustRun(
      git,
      gitCommand("rev_list", ["--parents", "--max-count=1"], { revisions: [headId] }),
      { signal },
    );
    const parent = parents.trim().split(" ")[1];
    if (parent === undefined) mustBeWhole(git);
    return parent ?? null;
  }
  const baseId = await git.resolveCommit(base);
  const { code, stdout } = await runGit(git, gitCommand("merge_base", [], { revisions: [baseId, headId] }), {
    signal,
  });
  if (code === 0) return stdout.toString("utf8").trim();
  if (code !== 1) throw unreadable();
  mustBeWhole(git);
  return null;
}

/** Where nothing lies before a change, all of the repository is the change: not so where it was only not fetched. */
function mustBeWhole(git: GitContext): void {
  if (!isShallow(git)) return;
  throw new DomainError(
    "invalid_state",
    "this clone is shallow, and what the change starts from is not in it",
    {
      hint: "git fetch --deepen=50",
    },
  );
}

function isShallow(git: GitContext): boolean {
  return existsSync(join(git.commonDir, "shallow"));
}

async function filesOf(
  run: (command: GitArguments) => Promise<string>,
  from: string | null,
  headId: string,
  most: number,
): Promise<readonly FileChange[]> {
  const files = parseNumstat(
    await run(
      gitCommand("diff", ["--numstat", "-z", "--find-renames"], {
        revisions: [from ?? emptyTree(headId), headId],
      }),
    ),
  );
  if (files.length > most) {
    throw new DomainError("limit", `the range touches ${files.length} files, more than ${most}`, {
      hint: "assess it in smaller ranges",
    });
  }
  return files;
}

async function pastOf(
  run: (command: GitArguments) => Promise<string>,
  from: string | null,
): Promise<readonly PastCommit[]> {
  if (from === null) return [];
  // A bare NUL after the format parts commit from commit; names follow the header's last field.
  const flags = [
    "-z",
    "--name-only",
    "--no-renames",
    "--no-merges",
    `--max-count=${MAX_PAST}`,
    "--format=%x01%ae%x00%ct%x00",
  ] as const;
  return parseCommits(await run(gitCommand("log", flags, { revisions: [from] })));
}

/** Counts the lines that the touched files had: the size of a diff from nothing. */
async function withFormerLength(
  run: (command: GitArguments) => Promise<string>,
  from: string | null,
  files: readonly FileChange[],
): Promise<readonly FileChange[]> {
  if (from === null || files.length === 0) return files.map((file) => ({ ...file, linesBefore: 0 }));
  const counted = files.filter((file) => NAMEABLE.test(file.previousPath));
  if (files.length > MAX_COUNTED_FILES || counted.length === 0) return files;
  const former = parseNumstat(
    await run(
      gitCommand("diff", ["--numstat", "-z", "--no-renames"], {
        revisions: [emptyTree(from), from],
        paths: counted.map((file) => file.previousPath),
      }),
    ),
  );
  const lines = new Map(former.map((file) => [file.path, file.added ?? 0]));
  return files.map((file) =>
    counted.includes(file) ? { ...file, linesBefore: lines.get(file.previousPath) ?? 0 } : file,
  );
}

/** The tree without entries, known to every repository. Source: `git hash-object -t tree /dev/null`, SHA-1 and SHA-256. */
function emptyTree(idOfSameKind: string): string {
  return idOfSameKind.length === 40
    ? "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    : "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321";
}

async function mustRun(git: GitContext, command: GitArguments, options: RunOptions): Promise<string> {
  return (await mustRead(git, command, options)).toString("utf8");
}

async function mustRead(git: GitContext, command: GitArguments, options: RunOptions): Promise<Buffer> {
  const { code, stdout, truncated } = await runGit(git, command, { ...options, maxBytes: MAX_OUTPUT_BYTES });
  if (truncated) {
    throw new DomainError("limit", "the range or its history is too large to read", {
      hint: "assess a smaller range",
    });
  }
  if (code !== 0) throw unreadable();
  return stdout;
}

function unreadable(): DomainError {
  return new DomainError("invalid_state", "git cannot read this range", {
    hint: "run `git fsck` there: objects may be missing",
  });
}
