import type { Client } from "@modelcontextprotocol/client";
import type { StdioServer } from "../stdio-server.ts";

/** Which task was given out, and what `complete` needs to finish it. */
export interface Claimed {
  readonly task: string;
  readonly claim: string;
}

/** A task server as an agent uses it, with the calls that come nearest to adding, taking and finishing a task. */
export interface Subject {
  /** With its version. */
  readonly name: string;
  /** What taking the next task is made of. */
  readonly claiming: string;
  /** Puts so many tasks without dependencies into a folder that is empty. */
  fill(folder: string, count: number): Promise<void>;
  start(folder: string): Promise<StdioServer>;
  /** Each throws when the server refuses. */
  add(client: Client, folder: string, title: string): Promise<void>;
  claim(client: Client, folder: string, agent: string): Promise<Claimed>;
  complete(client: Client, folder: string, claim: string): Promise<void>;
  /** How many tasks the folder holds, read from its files while no server runs. */
  stored(folder: string): Promise<number>;
}

const PATIENCE_MS = 300_000;

/** Calls a tool and gives back its text and structured answer. */
export async function ask(
  client: Client,
  name: string,
  args: Record<string, unknown>,
): Promise<{ readonly text: string; readonly structured: unknown }> {
  const result = await client.callTool({ name, arguments: args }, { timeout: PATIENCE_MS });
  const text = result.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
  if (result.isError === true) throw new Error(`${name}: ${text.slice(0, 500)}`);
  return { text, structured: result.structuredContent };
}
