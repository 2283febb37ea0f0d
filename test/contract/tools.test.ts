import { join } from "node:path";
import type { Tool } from "@modelcontextprotocol/client";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, test } from "vitest";
import { SERVER_NAMES } from "../../orchestrator/servers.ts";
import { openServed, temporaryFolder, type Served } from "../support/all-servers.ts";
import { connect } from "../support/connect.ts";
import { ALWAYS_LOADED, CONTRACT, CORE_BUDGET, SMALL_ANSWERS, TOKEN_BUDGETS } from "./contract.ts";

interface Listed {
  readonly tools: readonly Tool[];
  readonly tokens: number;
}

async function list(name: Served): Promise<Listed> {
  const home = temporaryFolder("contract");
  const server = await openServed(name, home.path);
  const { client, close } = await connect(server);
  const answer = await client.listTools();
  await close();
  await server.close();
  home.dispose();
  return { tools: answer.tools, tokens: encode(JSON.stringify(answer)).length };
}

const lists = new Map(await Promise.all(SERVER_NAMES.map(async (name) => [name, await list(name)] as const)));
const listOf = (name: (typeof SERVER_NAMES)[number]): Listed => lists.get(name) ?? { tools: [], tokens: 0 };
const every = [...lists].flatMap(([server, { tools }]) =>
  tools.map((tool) => ({ server, tool, name: tool.name })),
);
const argumentsOf = (tool: Tool): readonly string[] => Object.keys(tool.inputSchema.properties ?? {});

describe.each(SERVER_NAMES)("the %s server", (server) => {
  test("lists what is on file: a change of it is a decision, not an accident", async () => {
    const text = `${JSON.stringify(listOf(server).tools, null, 2)}\n`;
    await expect(text).toMatchFileSnapshot(join(import.meta.dirname, `${server}.snapshot.json`));
  });

  test(`costs at most ${TOKEN_BUDGETS[server]} tokens`, () => {
    expect(listOf(server).tokens).toBeLessThanOrEqual(TOKEN_BUDGETS[server]);
  });

  test("lists its tools in the same order every time", async () => {
    const again = await list(server);
    expect(again.tools.map(({ name }) => name)).toEqual(listOf(server).tools.map(({ name }) => name));
  });

  test("has the tools of its contract and no others", () => {
    expect(
      listOf(server)
        .tools.map(({ name }) => name)
        .toSorted(),
    ).toEqual(Object.keys(CONTRACT[server]).toSorted());
  });
});

test("no name is used twice", () => {
  const names = every.map(({ name }) => name);
  expect(names.length).toBeGreaterThanOrEqual(40);
  expect(names.filter((name, place) => names.indexOf(name) !== place)).toEqual([]);
});

describe.each(every)("$name", ({ server, tool, name }) => {
  const contract = CONTRACT[server][name];
  const writes = tool.annotations?.readOnlyHint === false;

  test("is a verb and a noun, and short enough for a plugin's prefix", () => {
    expect(name).toMatch(
      name === "remember" || name === "recall" || name === "decide" ? /^[a-z]+$/ : /^[a-z]+(_[a-z]+)+$/,
    );
    expect(`mcp__plugin_slipway_${server}__${name}`.length).toBeLessThanOrEqual(64);
  });

  test("says what it does in a few words", () => {
    expect(tool.title ?? "").not.toBe("");
    expect(tool.description?.length ?? 0).toBeGreaterThan(20);
    expect(tool.description?.length ?? 0).toBeLessThanOrEqual(600);
  });

  test("gives all four hints", () => {
    const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = tool.annotations ?? {};
    expect([readOnlyHint, destructiveHint, idempotentHint, openWorldHint].map((hint) => typeof hint)).toEqual(
      Array(4).fill("boolean"),
    );
    if (readOnlyHint === true) expect(destructiveHint).toBe(false);
  });

  test("has both schemas", () => {
    expect(tool.inputSchema.type).toBe("object");
    expect(tool.outputSchema).toMatchObject({ type: "object" });
  });

  test("takes and gives what the contract names", () => {
    expect(argumentsOf(tool)).toEqual(expect.arrayContaining([...(contract?.arguments ?? ["no contract"])]));
    const fields = Object.keys(Object(tool.outputSchema?.["properties"]));
    expect(fields).toEqual(expect.arrayContaining([...(contract?.result ?? [])]));
  });

  test(writes ? "can be retried under a key" : "changes nothing, so takes no key", () => {
    expect(argumentsOf(tool).includes("idempotency_key")).toBe(writes);
  });

  test("is loaded up front only where it is called all the time", () => {
    expect(tool._meta?.["anthropic/alwaysLoad"] === true).toBe(ALWAYS_LOADED.includes(name));
  });
});

const bulky = every.filter(
  ({ tool, name }) => tool.annotations?.readOnlyHint === true && !SMALL_ANSWERS.includes(name),
);

test.each(bulky)("$name keeps its answer within max_tokens", ({ tool }) => {
  expect(argumentsOf(tool)).toContain("max_tokens");
});

test(`the gateway's core: at most ${CORE_BUDGET.tools} tools and ${CORE_BUDGET.tokens} tokens`, async () => {
  const { tools, tokens } = await list("all");
  expect(tools.length).toBeLessThanOrEqual(CORE_BUDGET.tools);
  expect(tokens).toBeLessThanOrEqual(CORE_BUDGET.tokens);
  await expect(
    `${JSON.stringify(
      tools.map(({ name }) => name),
      null,
      2,
    )}\n`,
  ).toMatchFileSnapshot(join(import.meta.dirname, "core.snapshot.json"));
});

test("the core is enough for a task from plan to merge", async () => {
  const names = (await list("all")).tools.map(({ name }) => name);
  const walk = [
    ...["recall", "remember", "get_memories"],
    ...["add_tasks", "claim_task", "report_progress", "complete_task", "fail_task", "get_task", "list_tasks"],
    ...[
      "create_sandbox",
      "run_command",
      "write_sandbox_files",
      "import_directory",
      "export_changes",
      "read_job",
      "delete_sandbox",
    ],
    ...[
      "get_repo_status",
      "get_repo_diff",
      "add_worktree",
      "commit_changes",
      "integrate_changes",
      "remove_worktree",
    ],
    ...["assess_risk", "decide", "get_approval"],
  ];
  expect(names).toEqual(expect.arrayContaining(walk));
});
