import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit, type GitResult } from "../../../kernel/git/run.ts";
import { cleanText } from "../../../kernel/text.ts";
import { estimateTokens, fitItems } from "../../../kernel/tokens.ts";
import { readChanges } from "../adapters/trees.ts";
import { formatCursor, parseCursor, type DiffCursor } from "../domain/diff.ts";
import { showPath } from "../domain/path.ts";

// Reading on in a patch means writing it again up to there; beyond this a caller should name paths.
const MAX_PATCH_BYTES = 256 * 1024 * 1024;
// What a patch has at most; more is read than fits, and cut back.
const BYTES_PER_TOKEN = 4;

export interface DiffRequest {
  /** Two object ids, or one to compare with the working tree. */
  readonly ids: readonly string[];
  readonly paths: readonly string[] | undefined;
  readonly statOnly: boolean;
  readonly maxTokens: number;
  readonly cursor: string | undefined;
}

/**
 * One page of a comparison: first the files, then the patch.
 * @throws {DomainError} invalid (not a cursor), conflict (a cursor of another comparison), limit (too long to page).
 */
export async function pageDiff(
  git: GitContext,
  { ids, paths, statOnly, maxTokens, cursor }: DiffRequest,
  signal: AbortSignal,
) {
  const stamp = [...ids.map((id) => id.slice(0, 16)), ...(ids.length === 1 ? ["worktree"] : [])].join("-");
  const start = startOf(cursor, stamp);
  const offset = start.part === "patch" ? start.at : 0;
  if (offset > MAX_PATCH_BYTES)
    throw new DomainError("limit", "the patch is too long to page through", { hint: "name paths" });
  // Both at once: most comparisons need both, and a process is the dear part.
  const [changes, read] = await Promise.all([
    readChanges(git, ids, paths, signal),
    statOnly ? undefined : readPatch(git, ids, paths, offset, maxTokens * BYTES_PER_TOKEN, signal),
  ]);
  const total = {
    files: changes.length,
    added: changes.reduce((sum, change) => sum + change.added, 0),
    removed: changes.reduce((sum, change) => sum + change.removed, 0),
  };
  const stats = changes.map((change) => ({ ...change, path: showPath(change.path) }));
  const at = start.part === "files" ? start.at : stats.length;
  const { taken, truncated: moreFiles } = fitItems(stats.slice(at), maxTokens, 100);
  if (moreFiles || read === undefined || changes.length === 0) {
    const next = moreFiles ? { part: "files" as const, at: at + taken.length, stamp } : undefined;
    return {
      files: [...taken],
      total,
      truncated: moreFiles,
      ...(next === undefined ? {} : { next_cursor: formatCursor(next) }),
    };
  }

  const budget = Math.max(100, maxTokens - 100 - estimateTokens(JSON.stringify(taken)));
  const { stdout, truncated } = read;
  const { page, patch } = fitPatch(stdout, budget, truncated);
  const more = truncated || page.length < stdout.length;
  const next = more ? { part: "patch" as const, at: offset + page.length, stamp } : undefined;
  return {
    files: [...taken],
    total,
    patch,
    truncated: more,
    ...(next === undefined ? {} : { next_cursor: formatCursor(next) }),
  };
}

function readPatch(
  git: GitContext,
  ids: readonly string[],
  paths: readonly string[] | undefined,
  skipBytes: number,
  maxBytes: number,
  signal: AbortSignal,
): Promise<GitResult> {
  const command = gitCommand("diff", ["--patch", "--no-renames"], { revisions: ids, paths: paths ?? [] });
  return runGit(git, command, { signal, skipBytes, maxBytes });
}

function startOf(text: string | undefined, stamp: string): DiffCursor {
  if (text === undefined) return { part: "files", at: 0, stamp };
  const cursor = parseCursor(text);
  if (cursor === undefined)
    throw new DomainError("invalid", "this is not a cursor of this tool", {
      hint: "leave it out to start",
    });
  if (cursor.stamp !== stamp) {
    throw new DomainError("conflict", "a branch moved since the first page", {
      hint: "start again without the cursor, or name object ids",
    });
  }
  return cursor;
}

/** The longest part that fits once it is cleaned and escaped. Never empty, so that a reader gets on. */
function fitPatch(
  bytes: Buffer,
  maxTokens: number,
  isCut: boolean,
): { readonly page: Buffer; readonly patch: string } {
  let page = isCut ? wholeLines(bytes) : bytes;
  for (;;) {
    const patch = cleanText(page.toString("utf8").replaceAll("\r\n", "␍\n"));
    const cost = estimateTokens(JSON.stringify(patch));
    if (cost <= maxTokens || page.length <= 16) return { page, patch };
    page = wholeLines(page.subarray(0, Math.max(16, Math.floor((page.length * maxTokens * 0.95) / cost))));
  }
}

/** Ends at a line break where there is one, else where a character ends. */
function wholeLines(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf(10) + 1;
  if (end > 0) return bytes.subarray(0, end);
  let cut = bytes.length;
  while (cut > 1 && ((bytes[cut - 1] ?? 0) & 0xc0) === 0x80) cut -= 1;
  if (cut > 1 && (bytes[cut - 1] ?? 0) >= 0xc0) cut -= 1;
  return bytes.subarray(0, cut);
}
