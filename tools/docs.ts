/**
 * Writes docs/tools.md from what the servers themselves list: `npm run docs`. With `--check` it writes nothing, and
 * fails where the page is not what the servers say.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { VERSION } from "../kernel/version.ts";
import { SERVER_NAMES } from "../orchestrator/servers.ts";
import { asObject, jsonObject, root } from "./packages.ts";

const PAGE = join(root, "docs/tools.md");
const REQUESTS = [
  {
    id: 1,
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "slipway-docs", version: VERSION },
    },
  },
  { method: "notifications/initialized" },
  { id: 2, method: "tools/list", params: {} },
];

/** One tool as `tools/list` gives it. */
export interface ListedTool {
  readonly name: string;
  readonly description: string;
  /** In the schema's order; a name that ends in `?` may be left out. */
  readonly arguments: readonly string[];
  readonly effect: "reads" | "writes" | "destroys";
}

/** The tools of `slipway serve <name>`, asked of a real process over stdio. */
export async function listTools(name: string): Promise<readonly ListedTool[]> {
  const home = mkdtempSync(join(tmpdir(), "slipway-docs-"));
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "bin/main.ts", "serve", name, "--home", home],
    { cwd: root, stdio: ["pipe", "pipe", "inherit"] },
  );
  try {
    for (const request of REQUESTS) child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...request })}\n`);
    for await (const line of createInterface({ input: child.stdout })) {
      const message = jsonObject(line);
      if (message["id"] !== 2) continue;
      const tools: unknown = asObject(message["result"])["tools"];
      return Array.isArray(tools) ? tools.map((tool) => listedTool(asObject(tool))) : [];
    }
    throw new Error(`slipway serve ${name} ended without listing its tools`);
  } finally {
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.stdin.end();
    await ended;
    rmSync(home, { recursive: true, force: true });
  }
}

function listedTool(tool: Readonly<Record<string, unknown>>): ListedTool {
  const input = asObject(tool["inputSchema"]);
  const required: unknown = input["required"];
  const hints = asObject(tool["annotations"]);
  return {
    name: String(tool["name"]),
    description: String(tool["description"]),
    arguments: Object.keys(asObject(input["properties"])).map((name) =>
      Array.isArray(required) && required.includes(name) ? name : `${name}?`,
    ),
    effect:
      hints["readOnlyHint"] === true ? "reads" : hints["destructiveHint"] === true ? "destroys" : "writes",
  };
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ").trim();

/** The page: one table per server. `core` names the tools that `serve all` shows unless told otherwise. */
export function toolsPage(
  servers: ReadonlyMap<string, readonly ListedTool[]>,
  core: ReadonlySet<string>,
): string {
  const lines = [
    "# Tools",
    "",
    "Written by `npm run docs` from what each server lists. Do not edit it by hand: a test compares it.",
    "",
    "A star marks the core set, which `slipway serve all` shows unless `--tools` says otherwise. An argument that ends in `?` may be left out. Every tool that writes takes `idempotency_key`: the same key with the same arguments gives the same answer for 24 hours.",
  ];
  for (const [server, tools] of servers) {
    lines.push("", `## ${server}`, "", "| tool | when to use it | arguments | effect |", "|---|---|---|---|");
    for (const tool of tools) {
      const name = `\`${tool.name}\`${core.has(tool.name) ? " ★" : ""}`;
      const given = tool.arguments.map((argument) => `\`${argument}\``).join(", ");
      lines.push(`| ${name} | ${cell(tool.description)} | ${given} | ${tool.effect} |`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** What docs/tools.md has to say now. */
export async function currentPage(): Promise<string> {
  const [core, ...lists] = await Promise.all(["all", ...SERVER_NAMES].map((name) => listTools(name)));
  const servers = new Map(SERVER_NAMES.map((name, index) => [name, lists[index] ?? []]));
  return toolsPage(servers, new Set(core?.map(({ name }) => name)));
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { check: { type: "boolean" } } });
  const page = await currentPage();
  if (values.check !== true) {
    writeFileSync(PAGE, page);
    return 0;
  }
  if (readFileSync(PAGE, "utf8") === page) return 0;
  console.error("docs/tools.md is not what the servers list: run npm run docs");
  return 1;
}

if (import.meta.main) process.exitCode = await main();
