import { existsSync } from "node:fs";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand, type GitArguments } from "../../../kernel/git/arguments.ts";
import { openGit, type GitContext, type GitSettings } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import type { Hunk, MinedCommit, MinedFile } from "../domain/mining.ts";

const MAX_BYTES = 384 * 1024 * 1024;
const TIMEOUT_MS = 600_000;

/** The newest commits of the main line of `HEAD` with their changes, oldest first; `most` bounds how many. */
export async function readMainLine(
  settings: GitSettings & { readonly repo: string },
  most: number,
  signal: AbortSignal,
): Promise<readonly MinedCommit[]> {
  const git = await openGit(settings);
  const head = await git.resolveCommit("HEAD");
  if (existsSync(join(git.commonDir, "shallow")))
    throw new DomainError("invalid_state", "this clone is shallow: its past is not here", {
      hint: "git fetch --unshallow",
    });
  const line = ["--first-parent", "--topo-order", "--reverse", `--max-count=${most}`] as const;
  const about = await mustRun(
    git,
    gitCommand("log", ["-z", ...line, "--format=%H%x00%ae%x00%ct%x00%B"], { revisions: [head] }),
    signal,
  );
  const patches = await mustRun(
    git,
    gitCommand("log", [...line, "--patch", "--no-renames", "--unified=0", "--format=%x01%H"], {
      revisions: [head],
    }),
    signal,
  );
  const files = parsePatches(patches);
  return parseAbout(about).map((commit) => ({ ...commit, files: files.get(commit.id) ?? [] }));
}

/** Reads `git log -z --format=%H%x00%ae%x00%ct%x00%B`: four fields a commit, no message holds a NUL. */
export function parseAbout(text: string): readonly Omit<MinedCommit, "files">[] {
  const fields = text.split("\0");
  const commits: Omit<MinedCommit, "files">[] = [];
  for (let i = 0; i + 3 < fields.length; i += 4) {
    commits.push({
      id: fields[i] ?? "",
      author: fields[i + 1] ?? "",
      at: Number.parseInt(fields[i + 2] ?? "0", 10) * 1_000,
      message: fields[i + 3] ?? "",
    });
  }
  return commits;
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@/;

/**
 * Reads `git log --patch --unified=0 --format=%x01%H`. The lines of a hunk are counted, not recognised: a removed line
 * that reads "-- a/x" looks like a header. Outside hunks no line of a file stands at the start of a line.
 */
export function parsePatches(text: string): ReadonlyMap<string, readonly MinedFile[]> {
  const commits = new Map<string, MinedFile[]>();
  let files: MinedFile[] = [];
  let file:
    | { path: string; isBinary: boolean; isNew: boolean; isDeleted: boolean; hunks: Hunk[] }
    | undefined;
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i] ?? "";
    const hunk = file === undefined ? null : HUNK.exec(line);
    if (file !== undefined && hunk !== null) {
      const count = Number(hunk[2] ?? 1);
      const removed: boolean[] = [];
      while (removed.length < count && i + 1 < lines.length) {
        i += 1;
        if (lines[i]?.startsWith("-") === true) removed.push(/\w/.test(lines[i]?.slice(1) ?? ""));
      }
      const added = Number(hunk[3] ?? 1);
      for (let seen = 0; seen < added && i + 1 < lines.length;) {
        i += 1;
        if (lines[i]?.startsWith("+") === true) seen += 1;
      }
      file.hunks.push({ at: Number(hunk[1]), removed, added });
    } else if (line.startsWith("\u0001")) {
      files = [];
      file = undefined;
      commits.set(line.slice(1).trim(), files);
    } else if (line.startsWith("diff --git ")) {
      // Without renames both halves are the same name, quoted or not.
      const names = line.slice("diff --git ".length);
      file = {
        path: plain(names.slice(0, (names.length - 1) / 2)),
        isBinary: false,
        isNew: false,
        isDeleted: false,
        hunks: [],
      };
      files.push(file);
    } else if (file !== undefined) {
      if (line.startsWith("new file")) file.isNew = true;
      else if (line.startsWith("deleted file")) file.isDeleted = true;
      else if (line.startsWith("Binary files ")) file.isBinary = true;
    }
  }
  return commits;
}

/** The name without `a/`; a quoted one keeps its escapes, which name it as well. */
function plain(half: string): string {
  return half.startsWith('"') ? half.slice(3, -1) : half.slice(2);
}

async function mustRun(git: GitContext, command: GitArguments, signal: AbortSignal): Promise<string> {
  const { code, stdout, truncated } = await runGit(git, command, {
    maxBytes: MAX_BYTES,
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  if (truncated)
    throw new DomainError("limit", "the history is too large to read at once", {
      hint: "--commits with fewer",
    });
  if (code !== 0)
    throw new DomainError("invalid_state", "git cannot read this history", {
      hint: "run `git fsck` there: objects may be missing",
    });
  return stdout.toString("utf8");
}
