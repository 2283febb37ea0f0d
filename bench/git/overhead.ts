import { spawn } from "node:child_process";
import { join } from "node:path";
import { gitPlayground, type GitPlayground } from "../../test/support/git-repository.ts";
import { serveGit } from "../../test/servers/git/served-git.ts";
import { markdownTable } from "../machine.ts";
import { quantile } from "../statistics.ts";

const FILES = 486;
const COMMITS = 200;
const WARM_UP = 5;

/** What a call costs beyond the git that a person would type: status, diff and log by milliseconds, commit by ratio. */
export async function benchGit(calls: number): Promise<string> {
  const ground = gitPlayground();
  const repo = midSize(ground);
  const served = await serveGit(ground);
  const call = async (name: string, args: Record<string, unknown>): Promise<void> => {
    const result = await served.client.callTool({ name, arguments: { repo, ...args } });
    if (result.isError === true) throw new Error(`${name}: ${JSON.stringify(result.content)}`);
  };
  let number = 0;
  const edit = (): string => {
    number += 1;
    const name = `src/${number % 20}/file-${number % FILES}.ts`;
    ground.write(repo, { [name]: `export const edited = ${number};\n` });
    return name;
  };
  try {
    const rows = [
      await beside(
        "status",
        calls,
        3,
        () => git(repo, "status", "--porcelain=v2", "--branch", "-z"),
        () => call("get_repo_status", {}),
      ),
      await beside(
        "diff of 20 files",
        calls,
        3,
        () => git(repo, "diff", "HEAD~10"),
        () => call("get_repo_diff", { from: "HEAD~10" }),
      ),
      await beside(
        "log of 20",
        calls,
        3,
        () => git(repo, "log", "-20"),
        () => call("get_repo_history", { limit: 20 }),
      ),
      await beside(
        "add and commit of one file",
        calls,
        undefined,
        async () => {
          const name = edit();
          await git(repo, "add", name);
          await git(repo, "commit", "--quiet", "--message=raw");
        },
        () => call("commit_changes", { paths: [edit()], message: "ours" }),
      ),
    ];
    return markdownTable(
      [
        "what",
        "calls",
        "git p50 ms",
        "tool p50 ms",
        "git p99 ms",
        "tool p99 ms",
        "p50 difference",
        "ratio",
        "bar",
      ],
      rows,
    );
  } finally {
    await served.close();
    ground.dispose();
  }
}

/** Both, one after the other in every round, so that what else the machine does falls on both. */
async function beside(
  what: string,
  calls: number,
  atMostMs: number | undefined,
  raw: () => Promise<unknown>,
  tool: () => Promise<unknown>,
): Promise<readonly string[]> {
  const times: Record<"raw" | "tool", number[]> = { raw: [], tool: [] };
  for (let round = -WARM_UP; round < calls; round += 1) {
    for (const [kind, work] of [["raw", raw] as const, ["tool", tool] as const]) {
      const begun = performance.now();
      await work();
      if (round >= 0) times[kind].push(performance.now() - begun);
    }
  }
  const [git50, tool50] = [quantile(times.raw, 0.5), quantile(times.tool, 0.5)];
  const isHeld = atMostMs === undefined ? tool50 <= 1.5 * git50 : tool50 - git50 <= atMostMs;
  return [
    what,
    `${calls}`,
    git50.toFixed(1),
    tool50.toFixed(1),
    quantile(times.raw, 0.99).toFixed(1),
    quantile(times.tool, 0.99).toFixed(1),
    `${(tool50 - git50).toFixed(1)} ms`,
    (tool50 / git50).toFixed(2),
    `${atMostMs === undefined ? "1.5x" : `+${atMostMs} ms`}: ${isHeld ? "held" : "NOT held"}`,
  ];
}

function git(directory: string, ...args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", args, {
      cwd: directory,
      env: {
        PATH: process.env["PATH"],
        HOME: directory,
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_AUTHOR_NAME: "Ann",
        GIT_AUTHOR_EMAIL: "ann@example.org",
        GIT_COMMITTER_NAME: "Ann",
        GIT_COMMITTER_EMAIL: "ann@example.org",
      },
      stdio: ["ignore", "pipe", "ignore"],
    });
    child.stdout.resume();
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`git ${args[0] ?? ""} failed`))));
  });
}

function midSize(ground: GitPlayground): string {
  const repo = ground.repository(
    join(ground.app, "repo"),
    Object.fromEntries(
      Array.from({ length: FILES }, (_, at) => [
        `src/${at % 20}/file-${at}.ts`,
        `export const n${at} = ${at};\n`.repeat(60),
      ]),
    ),
  );
  for (let number = 0; number < COMMITS; number += 1) {
    ground.write(repo, {
      [`src/${number % 20}/file-${number}.ts`]: `export const n = ${number};\n`.repeat(50),
    });
    ground.git(repo, "commit", "--quiet", "--all", `--message=commit ${number}`);
  }
  return repo;
}
