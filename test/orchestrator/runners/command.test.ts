import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { commandRunner } from "../../../orchestrator/runners/command.ts";
import { jobSchema } from "../../../orchestrator/runners/job-document.ts";
import type { Job, Outcome, RunnerEvent } from "../../../orchestrator/runners/runner.ts";
import { isAlive } from "../../support/processes.ts";
import { makeJob } from "./job.ts";

let worktree = "";
let events: RunnerEvent[] = [];

beforeEach(() => {
  worktree = mkdtempSync(join(tmpdir(), "slipway-command-"));
  events = [];
});

afterEach(() => rmSync(worktree, { recursive: true, force: true }));

function run(
  argv: readonly [string, ...string[]],
  job: Partial<Job> = {},
  {
    signal = new AbortController().signal,
    env = process.env,
  }: { signal?: AbortSignal; env?: Record<string, string | undefined> } = {},
): Promise<Outcome> {
  const tools = { workspace: null, signal, onEvent: (event: RunnerEvent) => events.push(event) };
  return commandRunner({ argv, env, graceMs: 200 }).run(makeJob({ worktree, ...job }), tools);
}

const sh = (script: string): [string, ...string[]] => ["sh", "-c", script];
const node = (script: string): [string, ...string[]] => [process.execPath, "-e", script];

async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 40 && isAlive(pid); tries += 1) await pause(50);
  return !isAlive(pid);
}

async function pidIn(file: string): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    if (pid > 0) return pid;
    await pause(50);
  }
  throw new Error(`${file} was not written`);
}

describe("a program as a runner", () => {
  test("starts in the worktree and gets the same job on stdin and in the file", async () => {
    const outcome = await run(
      sh('cat > stdin.json; cat "$SLIPWAY_JOB" > file.json; echo "$SLIPWAY_JOB" > name; echo "fixed it"'),
      {
        title: "Größe",
        attempt: 2,
        budget: { wallS: 60 },
      },
    );
    expect(outcome).toMatchObject({
      status: "done",
      result: { kind: "work" },
      summary: "fixed it\n",
      usage: null,
    });
    const text = readFileSync(join(worktree, "stdin.json"), "utf8");
    expect(readFileSync(join(worktree, "file.json"), "utf8")).toBe(text);
    expect(jobSchema.parse(JSON.parse(text))).toMatchObject({
      title: "Größe",
      attempt: 2,
      worktree,
      budget: { wall_s: 60 },
    });
    expect(existsSync(readFileSync(join(worktree, "name"), "utf8").trim())).toBe(false);
    expect(events).toContainEqual({ type: "output", stream: "stdout", text: "fixed it\n" });
  });

  test("what is not exit 0 is no claim", async () => {
    const outcome = await run(sh("echo why >&2; exit 7"));
    expect(outcome.status).toBe("gave_up");
    expect(outcome.summary).toBe("the program exited with 7\nwhy");
    expect(await run(sh("kill -KILL $$"))).toMatchObject({
      status: "failed",
      error: { code: "unavailable" },
    });
  });

  test("a program that is not there, or no worktree, is a failure with a hint", async () => {
    const missing = await run(["no-such-program-here"]);
    expect(missing).toMatchObject({ status: "failed", error: { code: "not_found" } });
    expect(await run(["true"], { worktree: null })).toMatchObject({
      status: "failed",
      error: { code: "invalid" },
    });
    expect(await run(["true"], { worktree: join(worktree, "gone") })).toMatchObject({ status: "failed" });
    expect(await run(["true"], { role: "reviewer" })).toMatchObject({
      status: "failed",
      error: { code: "invalid" },
    });
  });

  test("a program that never reads a large job is fine", async () => {
    expect((await run(["true"], { context: "x".repeat(3_000_000) })).status).toBe("done");
  });

  test("keys of models and trackers do not reach it, the rest does", async () => {
    const env = {
      PATH: process.env["PATH"],
      ANTHROPIC_API_KEY: "k1",
      ANTHROPIC_BASE_URL: "k2",
      OPENAI_API_KEY: "k3",
      GEMINI_API_KEY: "k4",
      GITHUB_TOKEN: "k5",
      LINEAR_API_KEY: "k6",
      SLIPWAY_TOKEN: "k7",
      NODE_TEST_CONTEXT: "child-v8",
      KEPT: "yes",
    };
    const outcome = await run(node("console.log(Object.keys(process.env).sort().join())"), {}, { env });
    expect(
      outcome.summary
        .trim()
        .split(",")
        .filter((name) => name in env),
    ).toEqual(["KEPT", "PATH"]);
  });

  test("endless output is kept to its head and tail", async () => {
    const outcome = await run(node("for (let i = 0; i < 200000; i += 1) console.log('line ' + i)"));
    expect(outcome.status).toBe("done");
    expect(outcome.summary.length).toBeLessThan(33_000);
    expect(outcome.summary).toMatch(/^line 0\n/);
    expect(outcome.summary).toMatch(/characters left out/);
    expect(outcome.summary).toMatch(/line 199999\n$/);
  });
});

describe("nothing it started outlives the job", () => {
  const stubborn =
    "trap '' TERM; sleep 600 & echo $! > child; (trap '' TERM; while :; do sleep 1; done) & echo $! > loop; wait";

  test("on the wall clock", async () => {
    const outcome = await run(sh(stubborn), { budget: { wallS: 0.5 } });
    expect(outcome).toMatchObject({ status: "budget", limit: "wall" });
    expect(await isGone(await pidIn(join(worktree, "child")))).toBe(true);
    expect(await isGone(await pidIn(join(worktree, "loop")))).toBe(true);
  });

  test("on an abort", async () => {
    const controller = new AbortController();
    const running = run(sh(stubborn), {}, { signal: controller.signal });
    const loop = await pidIn(join(worktree, "loop"));
    controller.abort();
    expect(await running).toMatchObject({ status: "cancelled" });
    expect(await isGone(loop)).toBe(true);
    expect(await run(["true"], {}, { signal: controller.signal })).toMatchObject({ status: "cancelled" });
  });

  test("when it says it is done and leaves a child behind that holds its output open", async () => {
    const outcome = await run(sh("sleep 600 & echo $! > child; exit 0"));
    expect(outcome.status).toBe("done");
    expect(await isGone(await pidIn(join(worktree, "child")))).toBe(true);
  });

  test.skipIf(process.platform !== "linux")(
    "not even one in a session of its own (needs /proc)",
    async () => {
      writeFileSync(
        join(worktree, "daemon.cjs"),
        `const { spawn } = require("node:child_process");
       const child = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
       require("node:fs").writeFileSync("child", String(child.pid));
       child.unref();`,
      );
      expect((await run([process.execPath, "daemon.cjs"])).status).toBe("done");
      expect(await isGone(await pidIn(join(worktree, "child")))).toBe(true);
    },
  );
});
