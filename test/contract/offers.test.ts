import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { silentLog } from "../../kernel/log.ts";
import { openGateway } from "../../orchestrator/gateway.ts";
import { SERVER_NAMES } from "../../orchestrator/servers.ts";
import { connect, mustCall } from "../support/connect.ts";
import { gitPlayground, type GitPlayground } from "../support/git-repository.ts";
import { CONTRACT } from "./contract.ts";

// Prompts and resources of all five servers, through the gateway: what a host lists, and what it gets.
let ground: GitPlayground;
let server: ToolServer;
let client: Client;
let close: () => Promise<void>;
beforeAll(async () => {
  ground = gitPlayground();
  ground.repository(ground.app);
  const home = join(ground.base, "state");
  mkdirSync(home);
  const env = { PATH: process.env["PATH"], SLIPWAY_ROOTS: ground.app };
  server = await openGateway({ home, env, cwd: ground.app, log: silentLog });
  ({ client, close } = await connect(server));
});
afterAll(async () => {
  await close();
  await server.close();
  ground.dispose();
});

const read = async (uri: string): Promise<unknown> => {
  const [content] = (await client.readResource({ uri })).contents;
  return JSON.parse(content !== undefined && "text" in content ? content.text : "null");
};
const suggest = async (
  uri: string,
  name: string,
  value: string,
  given: Record<string, string> = {},
): Promise<readonly string[]> =>
  (
    await client.complete({
      ref: { type: "ref/resource", uri },
      argument: { name, value },
      context: { arguments: given },
    })
  ).completion.values;

test("what is offered is on file, and costs few tokens", async () => {
  const { prompts } = await client.listPrompts();
  const { resources } = await client.listResources();
  const { resourceTemplates } = await client.listResourceTemplates();
  const offered = { prompts, resources, resourceTemplates };
  await expect(`${JSON.stringify(offered, null, 2)}\n`).toMatchFileSnapshot(
    join(import.meta.dirname, "offers.snapshot.json"),
  );
  expect(encode(JSON.stringify(offered)).length).toBeLessThanOrEqual(900);
});

test("what only an owner's token may call is a short list", () => {
  expect(server.tools.filter(({ scope }) => scope === "admin").map(({ name }) => name)).toEqual([
    "forget_memories",
    "publish_release",
  ]);
});

test("a prompt says in few words how, and names no tool that is not there", async () => {
  const tools = new Set(SERVER_NAMES.flatMap((name) => Object.keys(CONTRACT[name])));
  const words = new Set(
    // Fields and values of answers, by the same spelling.
    "why_none task_id from_dir auto_proceed proceed_with_monitoring request_review require_human approval_id expires_at must_fail_before depends_on".split(
      " ",
    ),
  );
  const { prompts } = await client.listPrompts();
  for (const { name, arguments: wanted = [] } of prompts) {
    const given = Object.fromEntries(wanted.map((argument) => [argument.name, `my ${argument.name}`]));
    const { messages } = await client.getPrompt({ name, arguments: given });
    const [{ content } = { content: undefined }] = messages;
    const text = content?.type === "text" ? content.text : "";
    for (const argument of wanted) expect(text).toContain(`"my ${argument.name}"`);
    const named = text.replaceAll(/"my \w+"/g, "").match(/\b[a-z]+(_[a-z]+)+\b/g) ?? [];
    expect(named.filter((word) => tools.has(word)).length, name).toBeGreaterThanOrEqual(3);
    expect(named.filter((word) => !tools.has(word) && !words.has(word))).toEqual([]);
    expect(encode(text).length).toBeLessThanOrEqual(620);
  }
});

test("a host attaches a task, a memory, a decision and a difference, and is told their ids", async () => {
  const Ids = z.object({ tasks: z.array(z.object({ id: z.string() })) });
  const [task] = Ids.parse(
    await mustCall(client, "add_tasks", { tasks: [{ ref: "a", title: "Write it" }] }),
  ).tasks;
  const id = task?.id ?? "";
  expect(await read("slipway://tasks")).toMatchObject({ tasks: [{ id, title: "Write it" }] });
  expect(await read(`slipway://tasks/${id}`)).toMatchObject({ task: { id, status: "ready" } });
  expect(await suggest("slipway://tasks/{id}", "id", id.slice(0, 6))).toEqual([id]);

  const Items = z.object({ items: z.array(z.object({ id: z.string() })) });
  const [memory] = Items.parse(
    await mustCall(client, "remember", { items: [{ text: "Ships on Tuesdays.", kind: "fact" }] }),
  ).items;
  const uri = `slipway://memories/${memory?.id}`;
  expect(await read(uri)).toMatchObject({ items: [{ id: memory?.id, text: "Ships on Tuesdays." }] });
  expect(await suggest("slipway://memories/{id}", "id", "mem_")).toEqual([memory?.id]);

  const { decision_id: decision } = await mustCall(client, "decide", {
    action: "plan",
    facts: { complexity: 0.1 },
  });
  expect(await read(`slipway://decisions/${String(decision)}`)).toMatchObject({ decision_id: decision });
  expect(await suggest("slipway://decisions/{id}", "id", "dec_")).toEqual([decision]);

  ground.git(ground.app, "switch", "-q", "-c", "feature");
  ground.write(ground.app, { "new.txt": "two\n" });
  ground.git(ground.app, "add", "new.txt");
  ground.git(ground.app, "commit", "-q", "-m", "two");
  const repo = encodeURIComponent(ground.app);
  expect(await read(`slipway://diffs/${repo}/main/feature`)).toMatchObject({
    files: [{ path: "new.txt", added: 1 }],
  });
  expect(await suggest("slipway://diffs/{repo}/{from}/{to}", "to", "f", { repo })).toEqual(["feature"]);
  expect(await suggest("slipway://diffs/{repo}/{from}/{to}", "to", "", { repo: "%2Felsewhere" })).toEqual([]);
});

test.each([
  ["slipway://tasks/tsk_none", /no task/i],
  ["slipway://memories/mem_none", /no such memory/],
  ["slipway://decisions/dec_none", /no such decision/],
  ["slipway://jobs/job_none", /no job job_none/],
  ["slipway://diffs/%2Fetc/main/feature", /allowed|root/i],
])("%s is refused", async (uri, message) => {
  await expect(client.readResource({ uri })).rejects.toThrow(message);
});
