import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import type { GitPlayground } from "../../support/git-repository.ts";
import { serveArguments, serverEnvironment } from "../../support/served-process.ts";

/** A git server in a process of its own, over stdio, that may use the playground's folder `app` only. */
export interface ServedGit {
  readonly client: Client;
  readonly pid: number;
  close(): Promise<void>;
}

/** Starts one; several on one playground share their state folder, as those of several hosts do. */
export async function serveGit({ base, app }: GitPlayground): Promise<ServedGit> {
  const home = join(base, "served");
  mkdirSync(home, { recursive: true });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: serveArguments("git", home),
    cwd: app,
    env: { ...serverEnvironment(home), SLIPWAY_ROOTS: app },
    stderr: "ignore",
  });
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(transport);
  return { client, pid: transport.pid ?? 0, close: () => client.close() };
}
