import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { idSource } from "../../../kernel/ids.ts";
import { silentLog } from "../../../kernel/log.ts";
import { openGitHub } from "../../../servers/git/adapters/github.ts";
import type { GitHubSettings } from "../../../servers/git/adapters/github-client.ts";
import { openHost, type HostSettings } from "../../../servers/git/adapters/host.ts";
import { keyedMutex } from "../../../servers/git/adapters/mutex.ts";
import { createGitServer } from "../../../servers/git/server.ts";
import { openGitStore } from "../../../servers/git/store/sqlite.ts";
import type { GitStore } from "../../../servers/git/store/store.ts";
import { callTool, connect, mustCall } from "../../support/connect.ts";
import { gitPlayground, type GitPlayground } from "../../support/git-repository.ts";

/** A git server on a real store with a real client, over a playground of repositories. */
export interface GitBench {
  readonly ground: GitPlayground;
  readonly client: Client;
  readonly store: GitStore;
  readonly worktrees: string;
  must(tool: string, args: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Calls a tool that must refuse, and returns the error. */
  refused(tool: string, args: Record<string, unknown>): Promise<Record<string, unknown>>;
  eventTypes(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openGitBench(
  settings: Partial<HostSettings> = {},
  ground = gitPlayground(),
  github: Partial<GitHubSettings> = {},
): Promise<GitBench> {
  const home = join(ground.base, "state");
  mkdirSync(home, { recursive: true });
  const worktrees = join(ground.base, "worktrees");
  const store = openGitStore(join(home, "git.db"), Date.now);
  const host = openHost({
    home,
    roots: [ground.app],
    worktrees,
    path: process.env["PATH"] ?? "",
    clock: Date.now,
    ...settings,
  });
  const server = createGitServer({
    host,
    store,
    inTurn: keyedMutex(),
    forge: openGitHub({
      url: "http://127.0.0.1:1",
      token: undefined,
      readOnly: true,
      paced: false,
      ...github,
    }),
    clock: Date.now,
    newId: idSource(Date.now),
    log: silentLog,
  });
  const { client, close } = await connect(server);
  return {
    ground,
    client,
    store,
    worktrees,
    must: (tool, args) => mustCall(client, tool, args),
    async refused(tool, args) {
      const answer = await callTool(client, tool, args);
      if (answer.ok) throw new Error(`${tool} was not refused: ${JSON.stringify(answer.value)}`);
      return answer.error;
    },
    eventTypes: async () => (await store.events({ after: 0, limit: 1000 })).map((event) => event.type),
    async close() {
      await close();
      await server.close();
      ground.dispose();
    },
  };
}
