import { join } from "node:path";
import { openGitBench, type GitBench } from "../../test/servers/git/git-server.ts";
import { quantile } from "../statistics.ts";
import type { SoakPart } from "./soak-part.ts";

const COMMITTERS = 20;
const WORKTREES = 50;
const AT_MOST_MS = 2_000;

/** Many agents at once: commits in one worktree, commits in a worktree each, worktrees made side by side. */
export const crowdPart: SoakPart = {
  count: 5,
  async run({ from, count, reached }) {
    const bench = await openGitBench();
    const times: Record<"one" | "own" | "made", number[]> = { one: [], own: [], made: [] };
    try {
      for (let round = from; round < count; round += 1) {
        reached(round);
        const repo = bench.ground.repository(join(bench.ground.app, `crowd-${round}`));
        times.one.push(await inOneWorktree(bench, repo));
        const folders: string[] = [];
        times.made.push(await makeWorktrees(bench, repo, folders));
        times.own.push(await inOwnWorktrees(bench, folders.slice(0, COMMITTERS)));
        bench.ground.git(repo, "fsck", "--strict");
      }
    } finally {
      await bench.close();
    }
    const held = [...times.one, ...times.own].every((ms) => ms < AT_MOST_MS);
    const p50 = (samples: readonly number[]): string => `${quantile(samples, 0.5).toFixed(0)} ms`;
    return [
      `${count - from} rounds of ${COMMITTERS} committers in one worktree, ${COMMITTERS} in their own, ${WORKTREES} worktrees at once`,
      `all landed, 0 files mis-attributed, p50 ${p50(times.one)} and ${p50(times.own)} (bar ${AT_MOST_MS}: ${held ? "held" : "NOT held"}); worktrees ${p50(times.made)}, 0 failures`,
    ];
  },
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function inOneWorktree({ ground, must }: GitBench, repo: string): Promise<number> {
  const names = Array.from({ length: COMMITTERS }, (_, at) => `file-${at}.txt`);
  ground.write(repo, Object.fromEntries(names.map((name) => [name, name])));
  const ms = await timed(() =>
    Promise.all(names.map((name) => must("commit_changes", { repo, paths: [name], message: name }))),
  );
  const log = ground
    .git(repo, "log", "--name-only", "--format=%s", `-${COMMITTERS}`)
    .split("\n")
    .filter((line) => line !== "");
  const pairs = Array.from({ length: COMMITTERS }, (_, at) => log.slice(2 * at, 2 * at + 2));
  if (log.length !== 2 * COMMITTERS || !pairs.every(([subject, file]) => subject === file))
    throw new Error(`a commit holds another's file: ${log.join(", ")}`);
  if (ground.git(repo, "status", "--porcelain") !== "") throw new Error("the index lags behind");
  return ms;
}

async function makeWorktrees({ must }: GitBench, repo: string, folders: string[]): Promise<number> {
  return timed(async () => {
    const made = await Promise.all(
      Array.from({ length: WORKTREES }, (_, at) => must("add_worktree", { repo, branch: `task-${at}` })),
    );
    for (const { worktree } of made) folders.push(String(Object(worktree)["path"]));
    if (new Set(folders).size !== WORKTREES) throw new Error("two tasks share a worktree");
  });
}

async function inOwnWorktrees({ ground, must }: GitBench, folders: readonly string[]): Promise<number> {
  for (const [at, folder] of folders.entries()) ground.write(folder, { [`own-${at}.txt`]: `${at}\n` });
  const ms = await timed(() =>
    Promise.all(
      folders.map((repo, at) =>
        must("commit_changes", { repo, paths: [`own-${at}.txt`], message: `own-${at}.txt` }),
      ),
    ),
  );
  for (const folder of folders) {
    const [subject, ...files] = ground
      .git(folder, "log", "--name-only", "--format=%s", "-1")
      .split("\n")
      .filter(Boolean);
    if (files.length !== 1 || files[0] !== subject) throw new Error(`${folder} holds ${files.join(", ")}`);
  }
  return ms;
}
