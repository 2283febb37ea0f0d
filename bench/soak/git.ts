import { rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { githubAuthorization } from "../../servers/git/adapters/github-client.ts";
import { openGitBench } from "../../test/servers/git/git-server.ts";
import { playAndUndo, stepsArbitrary } from "../../test/servers/git/undo-sequences.ts";
import { openForge, TOKEN, type Fault } from "../../test/support/forge/forge.ts";
import { gitPlayground } from "../../test/support/git-repository.ts";
import { markdownTable } from "../machine.ts";
import { seededRandom } from "../statistics.ts";

const SEQUENCES = 1000;
const PULL_REQUESTS = 500;
const FAULTY = 0.3;
const BRANCHES = 50;

/** What the git server promises, in full counts: undo to the byte, one pull request per head, a matrix in time. */
export async function soakGit(): Promise<string> {
  const rows = [await undoSequences(), await pullRequestsUnderFaults(), await matrix()];
  return markdownTable(["what", "count", "result"], rows);
}

/** Each operation of each sequence is undone, and that undone again; files and branches are compared byte for byte. */
async function undoSequences(): Promise<readonly string[]> {
  const bench = await openGitBench();
  let undone = 0;
  try {
    await fc.assert(
      fc.asyncProperty(stepsArbitrary, async (steps) => {
        undone += await playAndUndo(bench, steps);
      }),
      { seed: 1, numRuns: SEQUENCES, endOnFailure: true },
    );
  } finally {
    await bench.close();
  }
  return [
    "undo, and undo of the undo",
    `${SEQUENCES} sequences, ${undone} operations`,
    "byte-exact every time",
  ];
}

/** A share of all requests fails, before or after it was carried out; the caller asks again under its key until told. */
async function pullRequestsUnderFaults(): Promise<readonly string[]> {
  const ground = gitPlayground();
  const repo = ground.repository(join(ground.app, "repo"));
  const forge = await openForge(ground, repo);
  ground.git(repo, "remote", "add", "origin", forge.remote);
  const github = { url: forge.api, token: TOKEN, readOnly: false, paced: false };
  const settings = { protocols: ["http"], authorization: githubAuthorization(github) };
  const bench = await openGitBench(settings, ground, github);
  const random = seededRandom(5);
  const kinds: readonly Fault[] = ["500_before", "500_after", "cut_before", "cut_after"];
  let faults = 0;
  forge.faults = () => {
    if (random() >= FAULTY) return undefined;
    faults += 1;
    return kinds[Math.floor(random() * kinds.length)];
  };
  for (let number = 0; number < PULL_REQUESTS; number += 1) {
    const head = `work-${number}`;
    ground.git(repo, "branch", head, "main");
    const tree = ground.git(repo, "rev-parse", "main^{tree}");
    const commit = ground.git(repo, "commit-tree", tree, "-p", "main", "-m", head);
    ground.git(repo, "update-ref", `refs/heads/${head}`, commit);
    ground.git(forge.bare, "fetch", "--quiet", repo, `${head}:${head}`);
    const args = { repo, action: "create", head, title: head, idempotency_key: head };
    for (let attempt = 0; ; attempt += 1) {
      const result = await bench.client.callTool({ name: "write_pull_request", arguments: args });
      if (result.isError !== true) break;
      if (attempt === 50) throw new Error(`${head} was never made: ${JSON.stringify(result.content)}`);
    }
  }
  const heads = new Set(forge.state.pulls.map((pull) => pull.head));
  await forge.close();
  await bench.close();
  if (heads.size !== PULL_REQUESTS || forge.state.pulls.length !== PULL_REQUESTS)
    throw new Error(`${PULL_REQUESTS} heads have ${forge.state.pulls.length} pull requests`);
  return ["pull request under faults", `${PULL_REQUESTS} heads, ${faults} faults`, "one each"];
}

/** Every pair of many branches of a repository of some size. */
async function matrix(): Promise<readonly string[]> {
  const bench = await openGitBench();
  const files = Object.fromEntries(
    Array.from({ length: 500 }, (_, at) => [
      `src/${at % 20}/file-${at}.ts`,
      `export const n${at} = ${at};\n`.repeat(40),
    ]),
  );
  const repo = bench.ground.repository(join(bench.ground.app, "repo"), files);
  const branches: string[] = [];
  for (let number = 0; number < BRANCHES; number += 1) {
    const name = `work-${number}`;
    bench.ground.git(repo, "switch", "--quiet", "--create", name, "main");
    for (const at of [number, number * 7, number % 10])
      bench.ground.write(repo, { [`src/${at % 20}/file-${at}.ts`]: `export const changed = ${number};\n` });
    bench.ground.git(repo, "add", "--all");
    bench.ground.git(repo, "commit", "--quiet", `--message=${name}`);
    branches.push(name);
  }
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const start = performance.now();
    await bench.must("predict_conflicts", { repo, branches, worktrees: [] });
    times.push(performance.now() - start);
  }
  rmSync(repo, { recursive: true, force: true });
  await bench.close();
  const median = times.toSorted((a, b) => a - b)[2] ?? Number.NaN;
  return [
    "conflict matrix",
    `${BRANCHES} branches, ${(BRANCHES * (BRANCHES - 1)) / 2} pairs`,
    `p50 ${median.toFixed(0)} ms`,
  ];
}
