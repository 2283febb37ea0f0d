import { DomainError } from "../../../kernel/errors.ts";
import { matchesPath } from "../../../kernel/glob.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { changedTogether } from "../domain/code/co-change.ts";
import { codeGraph } from "../domain/code/code-graph.ts";
import { NO_FACTS, type CodeFacts } from "../domain/code/facts.ts";
import type { Indexed, Unparsed, Unreadable } from "../domain/code/indexed.ts";
import { grammarOf } from "../../../kernel/source-files.ts";
import { isManifest } from "../domain/code/language.ts";
import { readProject } from "../domain/code/project.ts";
import type { MemoryDeps } from "../deps.ts";
import type { CodeFile, CodeTree } from "../store/port.ts";

/** What to index, as the tool was asked. */
export interface Wanted {
  /** Real path. */
  readonly root: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Grows when a file's facts would be read differently. */
const READER = 1;
/** Of UTF-16 units; what search finds of a file. */
const MAX_TEXT = 100_000;
const BATCH = 50;
const MAX_COMMITS = 2_000;

/**
 * Brings the index of a folder up to date: reads what changed since, forgets what is gone, resolves all imports again
 * (a new file may be what an old import meant), and mines the history. Killed at any point, the next run completes it.
 *
 * @param report Called with files done and files in all.
 * @throws {DomainError} limit, unavailable; timeout when cancelled.
 */
export async function indexTree(
  deps: MemoryDeps,
  call: Pick<Call, "principal">,
  { root, include, exclude }: Wanted,
  cancelled: AbortSignal,
  report: (done: number, total: number) => void,
): Promise<Indexed> {
  const { store, trees, parser, clock } = deps;
  const writer = { principal: call.principal, once: undefined };
  const startedAt = clock();
  const all = await trees.list(root, cancelled);
  const sources = all.filter((path) => grammarOf(path) !== undefined && isWanted(path, include, exclude));
  const tree = await store.write(writer, (tx) => tx.codeTree(root));
  const known = new Map((await store.read((tx) => tx.codeFiles(tree))).map((file) => [file.path, file]));

  const facts = new Map<string, CodeFacts>();
  const skipped = new Map<Unreadable | Unparsed, number>();
  const skip = (why: Unreadable | Unparsed): void => void skipped.set(why, (skipped.get(why) ?? 0) + 1);
  let changed = 0;
  let batch: (CodeFile & { readonly text: string })[] = [];
  const flush = async (): Promise<void> => {
    const files = batch;
    batch = [];
    if (files.length === 0) return;
    await store.write(writer, async (tx) => {
      const writing = { principal: call.principal.id, now: clock() };
      for (const file of files) await tx.keepCodeFile(tree, file, writing);
    });
  };
  for (const [index, path] of sources.entries()) {
    refuseCancelled(cancelled);
    const source = await trees.read(root, path);
    if (typeof source === "string") {
      skip(source);
      continue;
    }
    const before = known.get(path);
    if (before?.blob === source.blob && before.reader === READER) {
      facts.set(path, before.facts);
      continue;
    }
    const grammar = grammarOf(path);
    const parsed = grammar === undefined ? undefined : await parser.parse(grammar, source.text);
    if (parsed === undefined) skip("too complex");
    const found = parsed ?? NO_FACTS;
    facts.set(path, found);
    changed += 1;
    batch.push({
      path,
      blob: source.blob,
      reader: READER,
      facts: found,
      text: source.text.slice(0, MAX_TEXT).toWellFormed(),
    });
    if (batch.length >= BATCH) await flush();
    report(index + 1, sources.length);
  }
  await flush();
  const gone = [...known.keys()].filter((path) => !facts.has(path));
  for (let at = 0; at < gone.length; at += BATCH)
    await store.write(writer, (tx) => tx.dropCodeFiles(tree, gone.slice(at, at + BATCH)));

  const manifests = await readManifests(deps, root, all);
  const edges = codeGraph(facts, readProject(all, manifests));
  const commits = await trees.commits(root, MAX_COMMITS, cancelled);
  const pairs = changedTogether(commits, (path) => facts.has(path));
  refuseCancelled(cancelled);
  const counts = await store.write(writer, async (tx) => {
    const result = {
      files: facts.size,
      ...(await tx.setCodeGraph(tree, edges, pairs, clock())),
      changed: changed + gone.length,
      ms: clock() - startedAt,
    };
    tx.emit({ type: "index.updated", subject: subjectOf(tree), data: result });
    return result;
  });
  return { ...counts, prefix: tree.prefix, skipped };
}

function isWanted(path: string, include: readonly string[], exclude: readonly string[]): boolean {
  const isNamedBy = (globs: readonly string[]): boolean => globs.some((glob) => matchesPath(path, glob));
  return (include.length === 0 || isNamedBy(include)) && !isNamedBy(exclude);
}

async function readManifests(
  { trees }: MemoryDeps,
  root: string,
  all: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const manifests = new Map<string, string>();
  for (const path of all.filter(isManifest)) {
    const source = await trees.read(root, path);
    if (typeof source !== "string") manifests.set(path, source.text);
  }
  return manifests;
}

function subjectOf({ root }: CodeTree): string {
  return root.slice(root.lastIndexOf("/") + 1);
}

function refuseCancelled(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new DomainError("timeout", "indexing was cancelled", {
    hint: "call index_codebase again; it goes on where it stopped",
  });
}
