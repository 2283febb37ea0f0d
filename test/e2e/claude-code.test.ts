import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Conversation, Exchange } from "../../orchestrator/demo/conversation.ts";
import type { PolicyReply } from "../../orchestrator/demo/policy-reply.ts";
import { startScriptedModel } from "../../orchestrator/demo/scripted-model.ts";
import { openServed } from "../support/all-servers.ts";
import { callTool, connect, mustCall } from "../support/connect.ts";
import { gitPlayground, type GitPlayground } from "../support/git-repository.ts";
import { requirement } from "../support/skip.ts";

const BINARY = process.env["SLIPWAY_TEST_CLAUDE"] ?? "";
const claude = requirement("Claude Code", existsSync(BINARY), "SLIPWAY_TEST_CLAUDE names no binary");
const SLIPWAY = fileURLToPath(new URL("../../bin/slipway", import.meta.url));
const KEY = "scripted";

/** One step of the model's script: which tool, and its arguments from what the earlier tools answered. */
interface Step {
  readonly tool: string;
  input(seen: readonly Exchange[]): Record<string, unknown>;
}

const Claimed = z.object({
  task: z.object({ id: z.string(), title: z.string() }),
  claim: z.object({ token: z.string() }),
});
const tokenOf = (seen: readonly Exchange[]): string =>
  Claimed.parse(answerOf(seen, "claim_task")).claim.token;

function answerOf(seen: readonly Exchange[], tool: string): unknown {
  const found = seen.find((exchange) => exchange.tool === `mcp__slipway__${tool}`);
  return JSON.parse(found?.result ?? "null");
}

interface HostRun {
  readonly code: number | null;
  readonly stdout: string;
  /** What the model called and, word for word, what it was shown. */
  readonly seen: readonly Exchange[];
  /** The names of the tools that the model was given. */
  readonly tools: readonly string[];
}

/** Runs the real host against a model that follows `steps`, with our gateway as its only MCP server. */
async function runHost(ground: GitPlayground, home: string, steps: readonly Step[]): Promise<HostRun> {
  let last: Conversation | undefined;
  const policy = (conversation: Conversation): PolicyReply => {
    // Side requests, as for a title, come with few tools or none and must not use up a step.
    if (conversation.tools.length <= 5) return { text: "ok" };
    last = conversation;
    const step = steps[conversation.exchanges.length];
    if (step === undefined) return { text: "done" };
    return { calls: [{ tool: `mcp__slipway__${step.tool}`, input: step.input(conversation.exchanges) }] };
  };
  const model = await startScriptedModel({ policy, apiKey: KEY });
  const config = join(ground.home, "mcp.json");
  writeFileSync(
    config,
    JSON.stringify({ mcpServers: { slipway: { command: SLIPWAY, args: ["serve", "all", "--home", home] } } }),
  );
  const allowed = [...new Set(steps.map(({ tool }) => `mcp__slipway__${tool}`))].join(",");
  try {
    const child = spawn(
      BINARY,
      ["-p", "go", "--mcp-config", config, "--strict-mcp-config", "--allowedTools", allowed],
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
        },
        stdio: ["ignore", "pipe", "pipe"],
        timeout: 90_000,
      },
    );
    const ended = new Promise<number | null>((resolve) => {
      child.once("exit", resolve);
    });
    const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { code, stdout: stdout + stderr, seen: last?.exchanges ?? [], tools: last?.tools ?? [] };
  } finally {
    await model[Symbol.asyncDispose]();
  }
}

describe.skipIf(claude.skip)(`Claude Code with the gateway${claude.label}`, () => {
  let ground: GitPlayground;
  let home: string;
  let run: HostRun;

  beforeAll(async () => {
    ground = gitPlayground();
    ground.repository(ground.app);
    ground.write(ground.app, { "new.txt": "two\n" });
    home = join(ground.base, "state");
    mkdirSync(home);
    run = await runHost(ground, home, [
      {
        tool: "add_tasks",
        input: () => ({
          tasks: [
            { ref: "a", title: "Write the release notes" },
            { ref: "b", title: "Tell people", depends_on: ["a"] },
          ],
        }),
      },
      { tool: "claim_task", input: () => ({ agent: "claude" }) },
      {
        tool: "remember",
        input: () => ({ items: [{ text: "Releases happen on Tuesdays.", kind: "fact" }] }),
      },
      { tool: "recall", input: () => ({ query: "when do releases happen" }) },
      { tool: "get_repo_status", input: () => ({ repo: ground.app }) },
      { tool: "complete_task", input: (seen) => ({ token: tokenOf(seen), output: "notes are in new.txt" }) },
      { tool: "complete_task", input: () => ({ token: "clm_stale" }) },
    ]);
  }, 120_000);
  afterAll(() => ground.dispose());

  test("the host did the whole script and ended well", () => {
    expect(
      run.seen.map(({ tool }) => tool.replace("mcp__slipway__", "")),
      run.stdout,
    ).toEqual([
      ...[
        "add_tasks",
        "claim_task",
        "remember",
        "recall",
        "get_repo_status",
        "complete_task",
        "complete_task",
      ],
    ]);
    expect(run.code).toBe(0);
    expect(run.stdout).toContain("done");
  });

  test("the model sees each answer as its structured JSON", () => {
    const id = expect.stringMatching(/^tsk_/);
    expect(run.seen.slice(0, 6).map(({ isError }) => isError)).toEqual(Array(6).fill(false));
    expect(answerOf(run.seen, "add_tasks")).toEqual({
      tasks: [
        { ref: "a", id, status: "ready" },
        { ref: "b", id, status: "blocked" },
      ],
    });
    expect(answerOf(run.seen, "claim_task")).toMatchObject({
      task: { id, title: "Write the release notes" },
      claim: { attempt: 1 },
    });
    expect(answerOf(run.seen, "remember")).toMatchObject({ items: [{ status: "created" }] });
    expect(answerOf(run.seen, "recall")).toMatchObject({
      hits: [{ kind: "fact", snippet: expect.stringContaining("Tuesdays") }],
    });
    expect(answerOf(run.seen, "get_repo_status")).toMatchObject({ branch: "main", untracked: ["new.txt"] });
    expect(answerOf(run.seen, "complete_task")).toEqual({
      status: "succeeded",
      verified: false,
      unblocked: [id],
    });
  });

  test("a refusal reaches the model word for word", async () => {
    const server = await openServed("all", home);
    const { client, close } = await connect(server);
    const refused = await callTool(client, "complete_task", { token: "clm_stale" });
    await close();
    await server.close();
    const shown = run.seen.at(-1);
    expect(shown?.isError).toBe(true);
    expect(JSON.parse(shown?.result ?? "{}")).toEqual(refused.ok ? "it was not refused" : refused.error);
    expect(refused).toMatchObject({
      ok: false,
      error: { code: "conflict", retryable: false, hint: expect.stringContaining("claim_task") },
    });
  });

  test("tools that are always needed come with their description, the others by name", () => {
    expect(run.tools).toEqual(
      expect.arrayContaining([
        "mcp__slipway__claim_task",
        "mcp__slipway__recall",
        "mcp__slipway__run_command",
        "mcp__slipway__complete_task",
      ]),
    );
  });

  test("the store holds what was done", async () => {
    const server = await openServed("all", home);
    const { client, close } = await connect(server);
    const { task } = Claimed.parse(answerOf(run.seen, "claim_task"));
    expect(await mustCall(client, "get_task", { id: task.id })).toMatchObject({
      task: { status: "succeeded", worker: "claude", output: "notes are in new.txt" },
    });
    expect(await mustCall(client, "list_tasks", { status: "ready" })).toMatchObject({
      tasks: [{ title: "Tell people" }],
    });
    expect(await mustCall(client, "recall", { query: "Tuesdays" })).toMatchObject({
      hits: [{ kind: "fact" }],
    });
    await close();
    await server.close();
  });
});
