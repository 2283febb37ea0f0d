import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { z } from "zod";
import type { Exchange } from "../../orchestrator/demo/conversation.ts";
import { gitPlayground } from "../../test/support/git-repository.ts";
import { BRANCH, BROKEN_ADD, fileInWorktree, hostLoop, type LoopStep } from "../../test/support/host-loop.ts";
import { serveArguments } from "../../test/support/served-process.ts";
import { NO_DOCKER } from "../../test/support/slipway-process.ts";

const NAMESPACE = "mcp__slipway";
const Request = z.object({ input: z.array(z.looseObject({ type: z.string().optional() })) });
const Called = z.object({ type: z.literal("function_call"), call_id: z.string(), name: z.string() });
const Output = z.object({
  type: z.literal("function_call_output"),
  call_id: z.string(),
  output: z.unknown(),
});

/**
 * The real Codex binary takes a task of a real repository from claim to merge with the gateway and its own shell; the
 * model is a script over the Responses API. Installing it takes longer than CI should: it is a part of this soak.
 *
 * @param binary The `codex` program.
 * @throws Error saying what differed.
 */
export async function codexLoop(binary: string): Promise<string> {
  const ground = gitPlayground();
  ground.repository(ground.app, BROKEN_ADD);
  const loop = hostLoop(ground.app, "", (worktree) => [
    {
      tool: "exec_command",
      input: (seen) => ({ cmd: `sed -i 's/a - b/a + b/' '${fileInWorktree(worktree(seen))}'` }),
    },
  ]);
  const model = await scriptedResponses(loop.steps);
  const home = join(ground.home, ".codex");
  mkdirSync(home);
  writeFileSync(join(home, "config.toml"), configOf(model.url, join(ground.base, "state"), ground.home));
  try {
    const child = spawn(binary, ["exec", "--json", "go"], {
      cwd: ground.app,
      env: { PATH: process.env["PATH"], HOME: ground.home },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 180_000,
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    const seen = model.seen();
    const names = seen.map(({ tool }) => tool).join(" ");
    if (code !== 0 || names !== loop.steps.map(({ tool }) => tool).join(" "))
      throw new Error(
        `codex ended with ${String(code)} after ${names}\n${out.slice(-2_000)}\n${err.slice(-2_000)}`,
      );
    const exits = loop.runs(seen).map(({ exit_code }) => exit_code);
    if (exits.join() !== "1,0") throw new Error(`the check ended with ${exits.join()}`);
    if (!readFileSync(join(ground.app, "add.js"), "utf8").includes("a + b"))
      throw new Error("main has no repaired add");
    ground.git(ground.app, "merge-base", "--is-ancestor", BRANCH, "main");
    const completed = seen.find(({ tool }) => tool === "complete_task");
    if (completed?.result.includes('"verified":true') !== true)
      throw new Error(`complete_task answered ${completed?.result ?? "nothing"}`);
    return `Codex: ${seen.length} calls, from claim to merge; the test failed before and passed after, the receipt was verified.`;
  } finally {
    await model.close();
    ground.dispose();
  }
}

function configOf(url: string, state: string, home: string): string {
  const env = { ...NO_DOCKER, SLIPWAY_ALLOW_UNISOLATED: "1", HOME: home, PATH: process.env["PATH"] ?? "" };
  return [
    'model = "scripted"',
    'model_provider = "scripted"',
    'approval_policy = "never"',
    'sandbox_mode = "danger-full-access"',
    "[model_providers.scripted]",
    'name = "scripted"',
    `base_url = "${url}"`,
    'wire_api = "responses"',
    "request_max_retries = 0",
    "stream_max_retries = 0",
    "[mcp_servers.slipway]",
    `command = "${process.execPath}"`,
    `args = ${JSON.stringify(serveArguments("all", state, "--tools", "all"))}`,
    // Without it the first turn does not wait for the server; without the other, tools that destroy are refused.
    "required = true",
    'default_tools_approval_mode = "approve"',
    "startup_timeout_sec = 60",
    "[mcp_servers.slipway.env]",
    ...Object.entries(env).map(([name, value]) => `${name} = ${JSON.stringify(value)}`),
    "",
  ].join("\n");
}

/** A model that speaks the Responses API and follows `steps`. */
async function scriptedResponses(
  steps: readonly LoopStep[],
): Promise<{ readonly url: string; seen(): readonly Exchange[]; close(): Promise<void> }> {
  let seen: readonly Exchange[] = [];
  let count = 0;
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const parsed = Request.safeParse(parseJson(body));
      if (!parsed.success) return response.writeHead(404).end();
      seen = exchangesOf(parsed.data.input);
      count += 1;
      const step = steps[seen.length];
      const item =
        step === undefined
          ? {
              type: "message",
              id: `m${count}`,
              role: "assistant",
              content: [{ type: "output_text", text: "done" }],
            }
          : {
              type: "function_call",
              id: `f${count}`,
              call_id: `c${count}`,
              name: step.tool,
              arguments: JSON.stringify(step.input(seen)),
              ...(step.tool === "exec_command" ? {} : { namespace: NAMESPACE }),
            };
      const usage = {
        input_tokens: 1,
        input_tokens_details: null,
        output_tokens: 1,
        output_tokens_details: null,
        total_tokens: 2,
      };
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const event of [
        { type: "response.created", response: { id: `r${count}` } },
        { type: "response.output_item.done", item },
        { type: "response.completed", response: { id: `r${count}`, usage } },
      ])
        response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      return response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    seen: () => seen,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function exchangesOf(items: readonly unknown[]): readonly Exchange[] {
  const outputs = new Map(
    items.flatMap((item) => {
      const parsed = Output.safeParse(item);
      if (!parsed.success) return [];
      const { call_id, output } = parsed.data;
      return [[call_id, typeof output === "string" ? output : JSON.stringify(output)] as const];
    }),
  );
  return items.flatMap((item) => {
    const parsed = Called.safeParse(item);
    if (!parsed.success) return [];
    const output = outputs.get(parsed.data.call_id) ?? "";
    // The answer comes after a line that tells the time.
    const json = /\{.*\}/s.exec(output)?.[0];
    return [{ tool: parsed.data.name, input: {}, result: json ?? output, isError: json === undefined }];
  });
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
