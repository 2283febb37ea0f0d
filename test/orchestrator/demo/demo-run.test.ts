import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { silentLog } from "../../../kernel/log.ts";
import { demoPolicy } from "../../../orchestrator/demo/policy.ts";
import { copySample } from "../../../orchestrator/demo/sample-repository.ts";
import { openScriptedRunner } from "../../../orchestrator/demo/scripted-runner.ts";
import type { ScriptedRunner } from "../../../orchestrator/demo/scripted-runner.ts";
import { systemSleep } from "../../../orchestrator/models/retry.ts";
import { loadRoles } from "../../../orchestrator/roles/roles.ts";
import type { Outcome } from "../../../orchestrator/runners/runner.ts";
import { directoryWorkspace } from "../runners/directory-workspace.ts";
import { makeJob } from "../runners/job.ts";

const planSchema = z.object({
  tasks: z.array(
    z.object({
      ref: z.string(),
      title: z.string(),
      description: z.string(),
      depends_on: z.array(z.string()).default([]),
      paths: z.array(z.string()),
      acceptance: z
        .array(z.object({ tests: z.string(), must_fail_before: z.boolean(), protect: z.array(z.string()) }))
        .min(1),
    }),
  ),
});
type Task = z.output<typeof planSchema>["tasks"][number];

let root = "";
let opened: ScriptedRunner[] = [];

beforeEach(async () => {
  root = join(mkdtempSync(join(tmpdir(), "slipway-demo-")), "till");
  await copySample(root);
  git("init", "-q");
  git("add", "-A");
  git("commit", "-qm", "start");
});

afterEach(async () => {
  for (const runner of opened) await runner[Symbol.asyncDispose]();
  opened = [];
  rmSync(join(root, ".."), { recursive: true, force: true });
});

function git(...args: string[]): string {
  const identity = [
    "-c",
    "user.name=test",
    "-c",
    "user.email=test@localhost",
    "-c",
    "init.defaultBranch=main",
  ];
  return execFileSync("git", [...identity, ...args], { cwd: root, encoding: "utf8" });
}

/** Without a file, the whole suite. */
function isGreen(...testFile: readonly string[]): boolean {
  const env = { ...process.env };
  delete env["NODE_TEST_CONTEXT"];
  return spawnSync(process.execPath, ["--test", ...testFile], { cwd: root, env }).status === 0;
}

async function open(sabotage: boolean): Promise<ScriptedRunner> {
  const runner = await openScriptedRunner({
    policy: demoPolicy({ sabotage }),
    apiKey: "any-text",
    roles: loadRoles(),
    clock: Date.now,
    random: Math.random,
    sleep: systemSleep,
    log: silentLog,
  });
  opened.push(runner);
  return runner;
}

function tools() {
  return {
    workspace: directoryWorkspace(root),
    signal: new AbortController().signal,
    onEvent: () => undefined,
  };
}

async function plan({ runner }: ScriptedRunner): Promise<readonly Task[]> {
  const outcome = await runner.run(makeJob({ role: "planner" }), tools());
  if (outcome.status !== "done" || outcome.result.kind !== "plan")
    throw new Error(`no plan: ${outcome.summary}`);
  return planSchema.parse(outcome.result.plan).tasks;
}

function work({ runner }: ScriptedRunner, task: Task, attempt = 1): Promise<Outcome> {
  const { ref, title, description, paths } = task;
  const acceptance = task.acceptance.map((check) => check.tests);
  return runner.run(makeJob({ taskRef: ref, title, description, paths, acceptance, attempt }), tools());
}

function review({ runner }: ScriptedRunner, task: Task): Promise<Outcome> {
  const job = makeJob({
    role: "reviewer",
    taskRef: task.ref,
    paths: task.paths,
    diff: git("diff", "HEAD"),
    log: "ok",
  });
  return runner.run(job, { ...tools(), workspace: null });
}

test("the script plans, repairs and reviews all three tasks for real: red before, green after", async () => {
  const scripted = await open(false);
  const tasks = await plan(scripted);
  expect(tasks.map((task) => [task.ref, task.depends_on])).toEqual([
    ["fix-money", []],
    ["fix-discount", []],
    ["add-invoice-total", ["fix-money", "fix-discount"]],
  ]);
  for (const task of tasks) {
    const testFile = `test/${task.paths[0]?.slice("src/".length, -".js".length)}.test.js`;
    expect(isGreen(testFile)).toBe(false);
    expect(await work(scripted, task)).toMatchObject({ status: "done", result: { kind: "work" } });
    expect(git("diff", "--name-only", "HEAD").trim()).toBe(task.paths[0]);
    expect(isGreen(testFile)).toBe(true);
    expect(await review(scripted, task)).toMatchObject({
      status: "done",
      result: { review: { verdict: "approve" } },
    });
    git("commit", "-qam", task.title);
  }
  expect(isGreen()).toBe(true);
}, 60_000);

test("the third task needs both others: done first, its tests stay red", async () => {
  const scripted = await open(false);
  const last = (await plan(scripted)).at(-1);
  if (last === undefined) throw new Error("a plan has tasks");
  expect(await work(scripted, last)).toMatchObject({ status: "gave_up" });
  expect(isGreen("test/invoice.test.js")).toBe(false);
}, 60_000);

test("the script gives up where the problem does not show", async () => {
  const scripted = await open(false);
  const [first] = await plan(scripted);
  if (first === undefined) throw new Error("a plan has tasks");
  await work(scripted, first);
  const again = await work(scripted, first);
  expect(again).toMatchObject({ status: "gave_up" });
  expect(again.summary).toContain("cannot reproduce");
}, 60_000);

test("the script gives up where the code is not what the failure led to expect", async () => {
  const scripted = await open(false);
  const [first] = await plan(scripted);
  if (first === undefined) throw new Error("a plan has tasks");
  const workspace = directoryWorkspace(root);
  await workspace.write("src/money.js", "export const toCents = (text) => text === '1.15' ? 114 : 0;\n");
  expect((await work(scripted, first)).summary).toContain("cannot repair");
}, 60_000);

test("the planner refuses another repository", async () => {
  const scripted = await open(false);
  rmSync(join(root, "src/discount.js"));
  const outcome = await scripted.runner.run(makeJob({ role: "planner" }), tools());
  expect(outcome).toMatchObject({ status: "gave_up" });
  expect(outcome.summary).toContain("src/discount.js missing");
});

test("sabotage: a wrong patch that stays red, then an edited test, both claimed as done and approved", async () => {
  const scripted = await open(true);
  for (const task of (await plan(scripted)).slice(0, 2)) {
    const testFile = `test/${task.paths[0]?.slice("src/".length, -".js".length)}.test.js`;
    expect(await work(scripted, task, 1)).toMatchObject({ status: "done" });
    expect(git("diff", "--name-only", "HEAD").trim()).toBe(task.paths[0]);
    expect(isGreen(testFile)).toBe(false);
    expect(await review(scripted, task)).toMatchObject({ result: { review: { verdict: "approve" } } });
    git("checkout", "-q", ".");
    for (const attempt of [2, 3]) {
      expect(await work(scripted, task, attempt)).toMatchObject({ status: "done" });
      expect(git("diff", "--name-only", "HEAD").trim()).toBe(testFile);
      expect(isGreen(testFile)).toBe(true);
      git("checkout", "-q", ".");
    }
  }
}, 90_000);

test("the honest reviewer rejects a touched test, a stray file and an empty change", async () => {
  const scripted = await open(false);
  const [task] = await plan(scripted);
  if (task === undefined) throw new Error("a plan has tasks");
  expect(await review(scripted, task)).toMatchObject({ result: { review: { verdict: "reject" } } });
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const workspace = directoryWorkspace(root);
  await workspace.write("README.md", `${readme}More.\n`);
  await workspace.write("test/money.test.js", "");
  expect(await review(scripted, task)).toMatchObject({
    result: {
      review: {
        verdict: "reject",
        reasons: ["README.md: outside the paths of the task", "test/money.test.js: a test was changed"],
      },
    },
  });
});
