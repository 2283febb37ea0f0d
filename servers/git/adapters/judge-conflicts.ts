import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { uniteAdditions } from "../domain/mechanical.ts";
import { findRegions, type ConflictKind, type Region } from "../domain/merge.ts";
import { showPath, type GitPath } from "../domain/path.ts";
import { findBrokenUses, parsePatchLines, type BrokenUse, type SideDiff } from "../domain/symbols.ts";
import { parses } from "./parse-check.ts";
import type { Trial } from "./replay.ts";
import { readBlobs, simulateMerge } from "./trees.ts";

export interface JudgedConflict {
  readonly path: GitPath;
  readonly level: "textual" | "mechanical";
  readonly kind: ConflictKind;
  readonly regions: readonly Region[];
  /** The file with both additions, for `mechanical`. */
  readonly resolved?: string;
}

/** Finds the regions of each conflict and which of them are two additions that fit together. */
export async function judgeConflicts(
  git: GitContext,
  trial: Trial,
  signal?: AbortSignal,
): Promise<readonly JudgedConflict[]> {
  if (trial.clean) return [];
  const texts = await readBlobs(
    git,
    trial.tree,
    trial.conflicts.map(({ path }) => path),
    signal,
  );
  const candidates = trial.conflicts.filter(({ kind }) => kind === "both_modified").map(({ path }) => path);
  const united =
    candidates.length === 0 ? new Map<GitPath, string>() : await unite(git, trial, candidates, signal);
  return trial.conflicts.map(({ path, kind }) => {
    const resolved = united.get(path);
    return {
      path,
      kind,
      level: resolved === undefined ? "textual" : "mechanical",
      regions: findRegions(texts.get(path) ?? ""),
      ...(resolved === undefined ? {} : { resolved }),
    };
  });
}

/** Repeats the merge with the common ancestor shown between the sides, which tells an addition from a change. */
async function unite(
  git: GitContext,
  { sides }: Trial,
  paths: readonly GitPath[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<GitPath, string>> {
  const showing = { ...git, config: [...git.config, { key: "merge.conflictStyle", value: "diff3" }] };
  const { tree } = await simulateMerge(showing, ...sides, signal);
  const united = new Map<GitPath, string>();
  for (const [path, text] of await readBlobs(git, tree, paths, signal)) {
    const resolved = uniteAdditions(text);
    const utf8 = resolved === undefined ? undefined : Buffer.from(resolved, "latin1").toString("utf8");
    if (resolved !== undefined && utf8 !== undefined && parses(showPath(path), utf8) === true)
      united.set(path, resolved);
  }
  return united;
}

/**
 * Writes the tree in which every conflict is resolved; undefined when one of them is not mechanical.
 * @param index A file that may be written and is left over.
 */
export async function resolveMechanically(
  git: GitContext,
  { tree }: Trial,
  conflicts: readonly JudgedConflict[],
  index: string,
): Promise<string | undefined> {
  if (!conflicts.every(({ level }) => level === "mechanical")) return undefined;
  const env = { GIT_INDEX_FILE: index };
  const modes = await fileModes(git, tree, conflicts);
  let entries = "";
  for (const { path, resolved = "" } of conflicts) {
    const written = await must(
      runGit(git, gitCommand("hash_object", ["-w", "--stdin", "--no-filters"]), {
        input: Buffer.from(resolved, "latin1"),
      }),
    );
    entries += `${modes.get(path) ?? "100644"} ${written}\t${path}\0`;
  }
  await must(runGit(git, gitCommand("read_tree", [], { revisions: [tree] }), { env }));
  await must(
    runGit(git, gitCommand("update_index", ["-z", "--index-info"]), {
      env,
      input: Buffer.from(entries, "latin1"),
    }),
  );
  return must(runGit(git, gitCommand("write_tree"), { env }));
}

async function fileModes(
  git: GitContext,
  tree: string,
  conflicts: readonly JudgedConflict[],
): Promise<ReadonlyMap<GitPath, string>> {
  const wanted = new Set(conflicts.map(({ path }) => path));
  const { stdout } = await runGit(
    git,
    gitCommand("ls_tree", ["-z", "-r", "--full-tree"], { revisions: [tree] }),
  );
  const modes = new Map<GitPath, string>();
  for (const record of stdout.toString("latin1").split("\0")) {
    const path = record.slice(record.indexOf("\t") + 1);
    if (wanted.has(path)) modes.set(path, record.slice(0, 6));
  }
  return modes;
}

const MAX_PATCH_BYTES = 8 * 1024 * 1024;

/** Finds uses that a merge, clean or not, would leave without what they use. */
export async function findSemanticConflicts(
  git: GitContext,
  { base, sides: [target, source] }: Trial,
  signal?: AbortSignal,
): Promise<readonly BrokenUse[]> {
  if (target === source) return [];
  const read = async (side: string): Promise<SideDiff> => {
    const command = gitCommand("diff", ["--patch", "--unified=0", "--no-renames"], {
      revisions: [base, side],
    });
    const { stdout } = await runGit(git, command, { signal, maxBytes: MAX_PATCH_BYTES });
    return parsePatchLines(stdout.toString("utf8"));
  };
  const [ours, theirs] = await Promise.all([read(target), read(source)]);
  return findBrokenUses(ours, theirs);
}

async function must(running: ReturnType<typeof runGit>): Promise<string> {
  const { code, stdout, stderr } = await running;
  if (code !== 0) throw new Error(`git could not write the resolved tree: ${stderr}`);
  return stdout.toString("utf8").trim();
}
