import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { fitItems } from "../../../kernel/tokens.ts";
import { listWorktrees } from "../adapters/checkout.ts";
import { commonBase, mergePairs, readChangedTogether, readSide } from "../adapters/matrix.ts";
import { readRef } from "../adapters/refs.ts";
import { writeSnapshot } from "../adapters/snapshot.ts";
import type { GitDeps } from "../deps.ts";
import {
  expectTouches,
  predictClash,
  proposeOrder,
  type Clash,
  type Touches,
} from "../domain/conflict-matrix.ts";
import { gitPath, showPath } from "../domain/path.ts";
import { findBrokenUses, type SideDiff } from "../domain/symbols.ts";
import { repoInput, someNames, tokensInput } from "./answer.ts";

const MAX_PARTIES = 200;
const LEAST_PROBABILITY = 0.02;
const SHOWN_PATHS = 20;

const input = z.object({
  repo: repoInput,
  branches: someNames.optional().describe("Default: those checked out in worktrees"),
  worktrees: someNames.optional().describe("Ids or paths whose uncommitted work counts; default all"),
  paths: z
    .record(z.string(), someNames)
    .optional()
    .describe("Work not begun, by name: the paths it will change"),
  max_tokens: tokensInput,
});
type Args = z.output<typeof input>;

export const predictConflicts = defineTool({
  name: "predict_conflicts",
  title: "Predict conflicts",
  description:
    "Which branches, uncommitted work and planned work will get in each other's way, pair by pair, and an order in which to integrate them.",
  input,
  output: z
    .object({
      pairs: z.array(z.looseObject({})).describe("a, b, level, paths, probability"),
      order: z.array(z.string()),
      truncated: z.boolean(),
    })
    .partial(),
  annotations: READS,
  async run(args, deps: GitDeps, call) {
    const git = await deps.host.open(args.repo);
    const parties = await gather(deps, git, args);
    const { clashes, sides } = await compare(git, parties, call.signal);
    const planned = await foresee(git, args, parties, sides, call.signal);
    const all = [...clashes, ...planned.clashes].toSorted(
      (one, two) => (two.probability ?? 2) - (one.probability ?? 2),
    );
    const order = proposeOrder(
      [...parties.map(({ name }) => name), ...planned.names],
      all,
      (name) => sides.get(name)?.added.length ?? 0,
    );
    const { taken, truncated } = fitItems(all.map(describe), Math.floor(args.max_tokens * 0.7), 100);
    return { pairs: [...taken], order: [...order], truncated };
  },
});

interface Party {
  readonly name: string;
  /** A branch's head, or a commit of the uncommitted work on top of it. */
  readonly commit: string;
}

async function gather(
  deps: GitDeps,
  git: GitContext,
  { branches, worktrees }: Args,
): Promise<readonly Party[]> {
  const leases = await deps.store.read((tx) => tx.leasesOf(git.commonDir));
  const idOf = new Map(leases.map(({ path, id }) => [path, id]));
  const entries = (await listWorktrees(git)).filter((entry) => !entry.prunable && entry.head !== null);
  const parties = new Map<string, Party>();
  const wanted = branches ?? entries.flatMap(({ branch }) => (branch === null ? [] : [branch]));
  for (const name of wanted) {
    const commit = await readRef(git, `refs/heads/${name}`).catch(() => null);
    parties.set(name, { name, commit: commit ?? (await git.resolveCommit(name)) });
  }
  for (const { path, branch, head } of entries) {
    const isNamed = worktrees?.some((name) => name === path || name === idOf.get(path)) ?? true;
    const name = branch ?? path;
    if (!isNamed || head === null) continue;
    if (worktrees === undefined && branches !== undefined && !parties.has(name)) continue;
    const checkout = await deps.host.open(path);
    const commit = await writeSnapshot(checkout, deps.newId("look"), 0, deps.host.scratch);
    parties.set(name, { name, commit: commit ?? head });
  }
  if (parties.size <= MAX_PARTIES) return [...parties.values()];
  throw new DomainError("limit", `at most ${MAX_PARTIES} lines of work are compared at once`, {
    hint: "name fewer branches",
  });
}

async function compare(git: GitContext, parties: readonly Party[], signal: AbortSignal) {
  const pairs = parties.flatMap((a, at) => parties.slice(at + 1).map((b): readonly [Party, Party] => [a, b]));
  const commits = parties.map(({ commit }) => commit);
  const head = await readRef(git, "HEAD");
  const base =
    commits.length === 0 ? undefined : await commonBase(git, head === null ? commits : [...commits, head]);
  const [conflicts, sides] = await Promise.all([
    mergePairs(
      git,
      pairs.map(([a, b]) => [a.commit, b.commit]),
      signal,
    ),
    base === undefined ? new Map<string, SideDiff>() : readSides(git, base, parties, signal),
  ]);
  const clashes: Clash[] = [];
  for (const [at, [a, b]] of pairs.entries()) {
    const textual = conflicts[at] ?? [];
    if (textual.length > 0) clashes.push({ a: a.name, b: b.name, level: "textual", paths: textual });
    const [ours, theirs] = [sides.get(a.name), sides.get(b.name)];
    const broken = ours === undefined || theirs === undefined ? [] : findBrokenUses(ours, theirs);
    if (broken.length > 0)
      clashes.push({
        a: a.name,
        b: b.name,
        level: "semantic",
        paths: [...new Set(broken.map(({ path }) => gitPath(path)))],
      });
  }
  return { clashes, sides };
}

async function readSides(
  git: GitContext,
  base: string,
  parties: readonly Party[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SideDiff>> {
  const sides = new Map<string, SideDiff>();
  // A few at a time: each is a process.
  for (let at = 0; at < parties.length; at += 4) {
    await Promise.all(
      parties.slice(at, at + 4).map(async ({ name, commit }) => {
        sides.set(name, await readSide(git, base, commit, signal));
      }),
    );
  }
  return sides;
}

/** What planned work will run into: other planned work, and what the branches have changed. */
async function foresee(
  git: GitContext,
  { paths }: Args,
  parties: readonly Party[],
  sides: ReadonlyMap<string, SideDiff>,
  signal: AbortSignal,
) {
  const planned = Object.entries(paths ?? {});
  if (planned.length === 0) return { names: [], clashes: [] };
  const taken = planned.find(([name]) => parties.some((party) => party.name === name));
  if (taken !== undefined)
    throw new DomainError("invalid", "planned work has the name of a branch", {
      hint: "give it another name",
    });
  const history = await readChangedTogether(git, signal);
  const touches = new Map<string, Touches>(
    planned.map(([name, declared]) => [name, expectTouches(declared.map(gitPath), history)]),
  );
  const names = [...touches.keys()];
  for (const { name } of parties) {
    const { added = [], removed = [] } = sides.get(name) ?? {};
    touches.set(name, new Map([...added, ...removed].map(({ file }) => [gitPath(file), 1])));
  }
  const clashes: Clash[] = [];
  const all = [...touches];
  for (const [at, [a, ours]] of all.entries()) {
    if (at >= names.length) break;
    for (const [b, theirs] of all.slice(at + 1)) {
      const { probability, paths: shared } = predictClash(ours, theirs);
      if (probability >= LEAST_PROBABILITY)
        clashes.push({
          a,
          b,
          level: "predicted",
          paths: shared,
          probability: Math.round(probability * 100) / 100,
        });
    }
  }
  return { names, clashes };
}

function describe({ paths, ...clash }: Clash) {
  return {
    ...clash,
    paths: paths.slice(0, SHOWN_PATHS).map(showPath),
    ...(paths.length > SHOWN_PATHS ? { more_paths: paths.length - SHOWN_PATHS } : {}),
  };
}
