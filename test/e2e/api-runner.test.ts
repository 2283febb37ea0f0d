import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tmpdir } from "node:os";
import { DEMO_GOAL, demoPolicy } from "../../orchestrator/demo/policy.ts";
import { makeSampleRepository } from "../../orchestrator/demo/sample-repository.ts";
import { startScriptedModel, type ScriptedModel } from "../../orchestrator/demo/scripted-model.ts";
import { demoOutcome } from "../support/demo-outcome.ts";
import { slipway, type Ended } from "../support/slipway-process.ts";

const KEY = "sk-test-0123456789-must-not-be-seen";

let folder: string;
let api: ScriptedModel;
beforeEach(async () => {
  holders = [];
  folder = mkdtempSync(join(realpathSync(tmpdir()), "slipway-api-"));
  await makeSampleRepository(join(folder, "sample"), process.env["PATH"] ?? "");
  api = await startScriptedModel({ policy: demoPolicy({ sabotage: false }), apiKey: KEY });
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** How many processes of this machine have a text in their environment. */
function processesHolding(text: string): readonly string[] {
  return (existsSync("/proc/self/environ") ? readdirSync("/proc") : []).filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "latin1").includes(text);
    } catch {
      return false;
    }
  });
}

let holders: (readonly string[])[] = [];

const run = (...more: string[]): Promise<Ended> => {
  const models = "models: [{ provider: anthropic, model: '${MODEL}' }]";
  // The settings lie in the repository, as a user's would; git does not know them, so the worktree counts as clean.
  writeFileSync(
    join(folder, "sample", "slipway.yaml"),
    `roles:\n  planner: { ${models} }\n  implementer: { ${models} }\n  reviewer: { ${models} }\n`,
  );
  const watch = (line: string): null => {
    if (/"type":"(attempt\.started|gate\.passed)"/.test(line)) holders.push(processesHolding(KEY));
    return null;
  };
  return slipway(
    [
      "run",
      DEMO_GOAL,
      "--repo",
      join(folder, "sample"),
      "--home",
      join(folder, "state"),
      "--allow-unisolated",
      "--json",
      "--verbose",
      ...more,
    ],
    {
      env: { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: api.url, MODEL: "some-model" },
      signalAt: watch,
    },
  );
};

function tokensSpent(finished = "{}"): number {
  const { spend }: { spend: { tokens: number } } = JSON.parse(finished);
  return spend.tokens;
}

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  );
}

test("a goal, a key and a model: the api runner plans, works and reviews over the wire, and the key stays with it", async () => {
  const ended = await run();
  expect(ended.code, ended.err.slice(-5).join("\n")).toBe(0);
  expect(demoOutcome(folder)).toMatchObject({ merges: { length: 3 }, testsPass: true, worktrees: 0 });
  expect(JSON.parse(ended.out.at(-1) ?? "{}")).toMatchObject({
    type: "run.finished",
    status: "done",
    spend: { usd: null },
  });
  // The queue was told what the attempts used, so that it can hold the run to a budget; planning was before them.
  const queue = new DatabaseSync(join(folder, "state", "tasks.db"), { readOnly: true });
  const told = queue.prepare("SELECT tokens, attempts FROM ledger").get();
  queue.close();
  expect(told?.["attempts"]).toBeGreaterThanOrEqual(3);
  expect(told?.["tokens"]).toBeGreaterThan(0);
  expect(told?.["tokens"]).toBeLessThan(tokensSpent(ended.out.at(-1)));
  expect(api.requests()).toBeGreaterThan(10);
  // Servers, sandboxes and commands were running each time: only the run's own process had the key. A child that is
  // just being started shows its parent's environment for an instant, so one sighting of a process does not count.
  expect(holders.length).toBeGreaterThan(5);
  const sightings = new Map<string, number>();
  for (const pid of holders.flat()) sightings.set(pid, (sightings.get(pid) ?? 0) + 1);
  expect([...sightings.values()].filter((count) => count > 1).length).toBeLessThanOrEqual(1);
  expect([...ended.out, ...ended.err].filter((line) => line.includes(KEY))).toEqual([]);
  const files = filesBelow(join(folder, "state"));
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((file) => readFileSync(file).includes(KEY))).toEqual([]);
});

test("a budget of tokens stops the run with exit 5; what was spent is told, and it says how to go on", async () => {
  const ended = await run("--budget-tokens", "4000");
  const last: { status: string; spend: { tokens: number } } = JSON.parse(ended.out.at(-1) ?? "{}");
  expect(last, ended.err.slice(-5).join("\n")).toMatchObject({
    type: "run.finished",
    status: "budget",
    spend: { usd: null },
  });
  expect(ended.code).toBe(5);
  expect(last.spend.tokens).toBeGreaterThan(0);
  const resumed = await slipway(["resume", "--home", join(folder, "state")]);
  expect(resumed.code).toBe(1);
  expect(resumed.err.join()).toMatch(/budget is used up.*a new run/);
});
