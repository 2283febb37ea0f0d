import { readdirSync } from "node:fs";
import { join } from "node:path";
import { callAndDie } from "../../test/servers/git/deadly-call.ts";
import { openGitBench, type GitBench } from "../../test/servers/git/git-server.ts";
import { seededRandom } from "../statistics.ts";
import type { SoakPart } from "./soak-part.ts";

/** More git processes than any of the calls starts. */
const MOST_PROCESSES = 20;

/** A call to be killed, and what has to be true once it was made again under its key. */
interface Victim {
  readonly tool: string;
  prepare(bench: GitBench, repo: string): Record<string, unknown>;
  /** Says what is wrong. */
  check(bench: GitBench, repo: string): string | undefined;
}

const branchOff = ({ ground }: GitBench, repo: string, ...files: readonly string[]): void => {
  ground.git(repo, "switch", "--quiet", "--create", "work");
  for (const name of files) {
    ground.write(repo, { [name]: `${name}\n` });
    ground.git(repo, "add", "--all");
    ground.git(repo, "commit", "--quiet", `--message=${name}`);
  }
  ground.git(repo, "switch", "--quiet", "main");
  ground.write(repo, { "b.txt": "main goes on\n" });
  ground.git(repo, "commit", "--quiet", "--all", "--message=main goes on");
};
const ends = ({ ground }: GitBench, repo: string, operation: string) => ({
  repo,
  operation,
  source: "work",
  target: "main",
  expected_source: ground.git(repo, "rev-parse", "work"),
  expected_target: ground.git(repo, "rev-parse", "main"),
});
const isLog = ({ ground }: GitBench, repo: string, wanted: string): string | undefined => {
  const log = ground.git(repo, "log", "--first-parent", "--format=%s", "main").replaceAll("\n", ", ");
  return log === wanted ? undefined : `the log is ${log}`;
};

const VICTIMS: readonly Victim[] = [
  {
    tool: "commit_changes",
    prepare({ ground }, repo) {
      ground.write(repo, { "a.txt": "two\n", "new.txt": "n\n" });
      return { repo, paths: ["a.txt", "new.txt"], message: "mine" };
    },
    check: (bench, repo) => isLog(bench, repo, "mine, first"),
  },
  {
    tool: "integrate_changes",
    prepare(bench, repo) {
      branchOff(bench, repo, "c.txt");
      return { ...ends(bench, repo, "merge"), message: "merged" };
    },
    check: (bench, repo) => isLog(bench, repo, "merged, main goes on, first"),
  },
  {
    tool: "integrate_changes",
    prepare(bench, repo) {
      branchOff(bench, repo, "c.txt", "d.txt");
      return ends(bench, repo, "rebase");
    },
    check: (bench, repo) => isLog(bench, repo, "d.txt, c.txt, main goes on, first"),
  },
  {
    tool: "add_worktree",
    prepare: (_bench, repo) => ({ repo, branch: "task" }),
    check({ ground }, repo) {
      const count = ground.git(repo, "worktree", "list").split("\n").length;
      return count === 2 ? undefined : `${count} worktrees`;
    },
  },
];

/**
 * A server is killed with -9 at one of the git processes of a commit, a merge, a rebase or a new worktree: before it,
 * while it runs, after it. The same call under its key then has to bring about the thing exactly once.
 */
export const killsPart: SoakPart = {
  count: 100,
  async run({ from, count, reached }) {
    const bench = await openGitBench();
    try {
      for (let number = from; number < count; number += 1) {
        reached(number);
        await oneKill(bench, number);
      }
    } finally {
      await bench.close();
    }
    return [`${count - from} kills`, "fsck clean, nothing lost, nothing twice, no stale lock"];
  },
};

async function oneKill(bench: GitBench, number: number): Promise<void> {
  const victim = VICTIMS[number % VICTIMS.length];
  if (victim === undefined) return;
  const random = seededRandom(number);
  const when = (["before", "during", "after"] as const)[Math.floor(random() * 3)] ?? "after";
  for (let most = MOST_PROCESSES; ;) {
    const nth = 1 + Math.floor(random() * most);
    const repo = bench.ground.repository(join(bench.ground.app, `kill-${number}-${nth}`), {
      "a.txt": "one\n",
      "b.txt": "one\n",
    });
    const args = { ...victim.prepare(bench, repo), idempotency_key: `kill-${number}-${nth}` };
    // Where the call has fewer processes it gets through alive, and dies earlier in the next repository.
    if (!callAndDie(bench, victim.tool, args, { pattern: "*", nth, when })) {
      most = Math.max(1, nth - 1);
      continue;
    }
    const where = `kill ${number}, ${victim.tool}, ${when} process ${nth}`;
    const answer = await eventually(bench, victim.tool, args);
    const wrong =
      victim.check(bench, repo) ??
      health(bench, repo) ??
      (JSON.stringify(await bench.must(victim.tool, args)) === JSON.stringify(answer)
        ? undefined
        : "the same key got another answer");
    if (wrong !== undefined) throw new Error(`${where}: ${wrong}`);
    return;
  }
}

/** A git that outlived its server may hold a lock for a moment; whoever is told to call again does. */
async function eventually(
  bench: GitBench,
  tool: string,
  args: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await bench.must(tool, args);
    } catch (error) {
      if (attempt === 5 || !String(error).includes('"retryable":true')) throw error;
    }
  }
}

function health({ ground }: GitBench, repo: string): string | undefined {
  ground.git(repo, "fsck", "--strict");
  const status = ground.git(repo, "status", "--porcelain");
  if (status !== "") return `status says ${status}`;
  const locks = readdirSync(join(repo, ".git"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".lock"),
  );
  return locks.length === 0 ? undefined : `left over: ${locks.join(", ")}`;
}
