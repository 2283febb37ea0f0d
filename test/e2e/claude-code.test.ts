import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Conversation, Exchange } from "../../orchestrator/demo/conversation.ts";
import type { PolicyReply } from "../../orchestrator/demo/policy-reply.ts";
import { startScriptedModel } from "../../orchestrator/demo/scripted-model.ts";
import { openServed } from "../support/all-servers.ts";
import { callTool, connect, mustCall } from "../support/connect.ts";
import { gitPlayground, type GitPlayground } from "../support/git-repository.ts";
import {
  BRANCH,
  BROKEN_ADD,
  fileInWorktree,
  hostLoop,
  type HostLoop,
  type LoopStep,
} from "../support/host-loop.ts";
import { requirement } from "../support/skip.ts";
import { NO_DOCKER } from "../support/slipway-process.ts";

// The real Claude Code with the plugin and nothing else takes a task of a real repository from the queue to the merge.
// Its model is a script that answers over the real wire; what the model saw is what it was sent.

const BINARY = process.env["SLIPWAY_TEST_CLAUDE"] ?? "";
const claude = requirement("Claude Code", existsSync(BINARY), "SLIPWAY_TEST_CLAUDE names no binary");
const PLUGIN = fileURLToPath(new URL("../../plugin", import.meta.url));
const PREFIX = "mcp__plugin_slipway_slipway__";
const KEY = "scripted";
interface HostRun {
  readonly code: number | null;
  readonly said: string;
  /** What the model was asked first. */
  readonly opening: string;
  /** What the model called and, word for word, what it was shown. */
  readonly seen: readonly Exchange[];
  /** The names of the tools that the model was given. */
  readonly tools: readonly string[];
}

/** Runs the real host with the plugin, on its command `next`, against a model that follows `steps`. */
async function runHost(ground: GitPlayground, steps: readonly LoopStep[]): Promise<HostRun> {
  let last: Conversation | undefined;
  const policy = (conversation: Conversation): PolicyReply => {
    // Side requests, as for a title, come with few tools or none and must not use up a step.
    if (conversation.tools.length <= 5) return { text: "ok" };
    last = conversation;
    const step = steps[conversation.exchanges.length];
    if (step === undefined) return { text: "done" };
    return { calls: [{ tool: step.tool, input: step.input(conversation.exchanges) }] };
  };
  const model = await startScriptedModel({ policy, apiKey: KEY });
  const state = join(ground.home, ".local/state");
  mkdirSync(state, { recursive: true });
  try {
    const child = spawn(
      BINARY,
      [
        ...["-p", "/slipway:next", "--plugin-dir", PLUGIN, "--add-dir", state],
        ...["--allowedTools", [...new Set(steps.map(({ tool }) => tool))].join(",")],
      ],
      {
        cwd: ground.app,
        env: {
          PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
          HOME: ground.home,
          ANTHROPIC_BASE_URL: model.url,
          ANTHROPIC_API_KEY: KEY,
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
          DISABLE_TELEMETRY: "1",
          DISABLE_AUTOUPDATER: "1",
          NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
          // What isolates is proven elsewhere, and starts slower.
          ...NO_DOCKER,
          SLIPWAY_ALLOW_UNISOLATED: "1",
        },
        stdio: ["ignore", "pipe", "pipe"],
        timeout: 90_000,
      },
    );
    const ended = new Promise<number | null>((resolve) => {
      child.once("exit", resolve);
    });
    const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return {
      code,
      said: out + err,
      opening: last?.opening ?? "",
      seen: last?.exchanges ?? [],
      tools: last?.tools ?? [],
    };
  } finally {
    await model[Symbol.asyncDispose]();
  }
}

describe.skipIf(claude.skip)(`Claude Code with the plugin${claude.label}`, () => {
  let ground: GitPlayground;
  let loop: HostLoop;
  let run: HostRun;

  beforeAll(async () => {
    ground = gitPlayground();
    ground.repository(ground.app, BROKEN_ADD);
    loop = hostLoop(ground.app, PREFIX, (worktree) => [
      { tool: "Read", input: (seen) => ({ file_path: fileInWorktree(worktree(seen)) }) },
      {
        tool: "Edit",
        input: (seen) => ({
          file_path: fileInWorktree(worktree(seen)),
          old_string: "a - b",
          new_string: "a + b",
        }),
      },
    ]);
    run = await runHost(ground, loop.steps);
  }, 120_000);
  afterAll(() => ground.dispose());

  test("the host did the whole loop: only the stale claim at the end was refused", () => {
    expect(
      run.seen.map(({ tool, isError }) => `${tool}${isError ? " refused" : ""}`),
      `${run.said}\n${run.seen.at(-1)?.result}`,
    ).toEqual(loop.steps.map(({ tool }, at) => `${tool}${at === loop.steps.length - 1 ? " refused" : ""}`));
    expect(run.code).toBe(0);
    expect(run.said).toContain("done");
    expect(run.opening).toContain("Take one task of this project from claim to merge");
  });

  test("tests failed before the edit and passed after it, a decision let it go on, and the receipt proved it", () => {
    expect(loop.runs(run.seen).map(({ outcome, exit_code }) => `${outcome} ${exit_code}`)).toEqual([
      "exited 1",
      "exited 0",
    ]);
    expect(loop.answerOf(run.seen, "get_repo_diff")).toMatchObject({
      files: [{ path: "add.js", added: 1, removed: 1 }],
      patch: expect.stringContaining("+export const add = (a, b) => a + b;"),
    });
    expect(loop.answerOf(run.seen, "decide")).toMatchObject({
      verdict: expect.stringMatching(/^(auto_proceed|proceed_with_monitoring)$/),
    });
    const completed = run.seen.find(({ tool }) => tool === `${PREFIX}complete_task`);
    expect(JSON.parse(completed?.result ?? "null")).toEqual({
      status: "succeeded",
      verified: true,
      unblocked: [expect.stringMatching(/^tsk_/)],
    });
  });

  test("the change is on main, and main's worktree has it", () => {
    expect(ground.git(ground.app, "log", "--format=%s", "-1", BRANCH)).toBe("fix: add adds");
    expect(ground.git(ground.app, "merge-base", "--is-ancestor", BRANCH, "main")).toBe("");
    expect(readFileSync(join(ground.app, "add.js"), "utf8")).toContain("a + b");
    expect(ground.git(ground.app, "status", "--porcelain")).toBe("");
  });

  test("a refusal reached the model word for word, and the stores hold what was done", async () => {
    const server = await openServed("all", join(ground.app, ".slipway"));
    const { client, close } = await connect(server);
    const refused = await callTool(client, "complete_task", { token: "clm_stale" });
    expect(JSON.parse(run.seen.at(-1)?.result ?? "{}")).toEqual(
      refused.ok ? "it was not refused" : refused.error,
    );
    expect(await mustCall(client, "get_task", { id: loop.taskOf(run.seen) })).toMatchObject({
      task: { status: "succeeded", worker: "host" },
    });
    expect(await mustCall(client, "list_tasks", { status: "ready" })).toMatchObject({
      tasks: [{ title: "Tell people" }],
    });
    expect(await mustCall(client, "recall", { query: "subtracted" })).toMatchObject({
      hits: [{ kind: "bug" }],
    });
    await close();
    await server.close();
  });

  test("tools that are always needed come with their description, the others by name", () => {
    expect(run.tools).toEqual(
      expect.arrayContaining(
        ["claim_task", "recall", "run_command", "complete_task"].map((name) => PREFIX + name),
      ),
    );
  });
});
