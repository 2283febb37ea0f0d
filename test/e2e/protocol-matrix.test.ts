import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CONTRACT } from "../contract/contract.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { openServed, SERVED, type Served } from "../support/all-servers.ts";
import { CLIENTS, connectAny, type AnyClient, type ClientKind, type Place } from "../support/any-client.ts";
import { gitPlayground, type GitPlayground } from "../support/git-repository.ts";
import {
  serveArguments,
  serverEnvironment,
  startHttpProcess,
  type HttpProcess,
} from "../support/served-process.ts";

const PLACES = ["stdio", "http", "in_process"] as const;

interface Probe {
  readonly tool: string;
  readonly args: (ground: GitPlayground) => Record<string, unknown>;
  readonly answer: Record<string, unknown>;
  readonly badArgs: Record<string, unknown>;
}

/** One real call of each server that reads its own state, and the same with arguments it must refuse. */
const PROBES: Readonly<Record<Served, Probe>> = {
  memory: {
    tool: "recall",
    args: () => ({ query: "what do we know" }),
    answer: { hits: [], truncated: false },
    badArgs: { query: 7 },
  },
  tasks: {
    tool: "list_tasks",
    args: () => ({ status: "ready" }),
    answer: { tasks: [] },
    badArgs: { status: "lost" },
  },
  sandbox: { tool: "list_sandboxes", args: () => ({}), answer: { sandboxes: [] }, badArgs: { limit: 0 } },
  git: {
    tool: "get_repo_status",
    args: ({ base }) => ({ repo: join(base, "app") }),
    answer: { branch: "main", untracked: ["new.txt"], staged: [] },
    badArgs: {},
  },
  decision: {
    tool: "assess_risk",
    args: () => ({ action: "plan", facts: { coverage: 0.9 } }),
    answer: { level: expect.any(String), assessment_id: expect.stringMatching(/^[a-z]+_/) },
    badArgs: { action: "dance" },
  },
  all: {
    tool: "get_repo_status",
    args: ({ base }) => ({ repo: join(base, "app") }),
    answer: { branch: "main", untracked: ["new.txt"] },
    badArgs: { repo: ["a"] },
  },
};

describe.each(SERVED)("%s", (served) => {
  let ground: GitPlayground;
  let http: HttpProcess;
  let server: ToolServer;
  beforeAll(async () => {
    ground = gitPlayground();
    ground.repository(ground.app);
    ground.write(ground.app, { "new.txt": "two\n" });
    [http, server] = await Promise.all([
      startHttpProcess(served, ground.base),
      openServed(served, ground.base),
    ]);
  });
  afterAll(async () => {
    await server.close();
    expect(await http.close()).toBe(0);
    ground.dispose();
  });

  const placeOf = (over: (typeof PLACES)[number]): Place => {
    switch (over) {
      case "stdio":
        return {
          over,
          args: serveArguments(served, ground.base),
          cwd: ground.base,
          env: serverEnvironment(ground.base),
        };
      case "http":
        return { over, url: http.url, token: http.token };
      case "in_process":
        return { over, server };
    }
  };

  describe.each(PLACES)("over %s", (over) => {
    test.each(CLIENTS)("serves a client of %s", async (kind) => {
      const client = await connectAny(kind, placeOf(over));
      try {
        await speaks(client, kind, served, ground);
      } finally {
        await client.close();
      }
    });
  });
});

async function speaks(
  client: AnyClient,
  kind: ClientKind,
  served: Served,
  ground: GitPlayground,
): Promise<void> {
  const { tool, args, answer, badArgs } = PROBES[served];
  if (kind !== "previous SDK") expect(client.revision).toBe(kind);

  const names = (await client.listTools()).map(({ name }) => name);
  if (served === "all")
    expect(names).toEqual(
      expect.arrayContaining(["recall", "claim_task", "run_command", "get_repo_status", "decide"]),
    );
  else expect(names.toSorted()).toEqual(Object.keys(CONTRACT[served]).toSorted());

  const real = await client.callTool(tool, args(ground));
  expect(real.isError, real.text).toBe(false);
  expect(real.structured).toMatchObject(answer);
  expect(JSON.parse(real.text)).toEqual(real.structured);

  const refused = await client.callTool(tool, badArgs);
  expect(refused.isError).toBe(true);
  expect(refused.text).toMatch(/invalid/i);

  await expect(client.callTool("brew_coffee", {})).rejects.toMatchObject({ code: -32_602 });
  // The connection is as good as before.
  expect(await client.listTools()).toHaveLength(names.length);
}

test("a stranger without the token gets nothing over HTTP", async () => {
  const ground = gitPlayground();
  const http = await startHttpProcess("tasks", ground.base);
  try {
    for (const kind of CLIENTS) {
      await expect(connectAny(kind, { over: "http", url: http.url, token: "guess" })).rejects.toThrow(
        /401|unauthorized|bearer/i,
      );
    }
  } finally {
    await http.close();
    ground.dispose();
  }
});
