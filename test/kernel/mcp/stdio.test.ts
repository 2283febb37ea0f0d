import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { startNode, type LineProcess } from "../../support/line-process.ts";

const PROBE = join(import.meta.dirname, "../../support/serve-probe.ts");
const MODERN = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};
const Line = z.looseObject({
  jsonrpc: z.literal("2.0"),
  id: z.number().optional(),
  method: z.string().optional(),
});

const running: LineProcess[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) {
    one.signal("SIGKILL");
    await one.ended;
  }
});

/** A host that speaks raw JSON-RPC, so that every byte on stdout is looked at. */
function host(): {
  readonly process: LineProcess;
  send(method: string, params: Readonly<Record<string, unknown>>, id?: number): void;
  answer(id: number): Promise<z.output<typeof Line>>;
} {
  const server = startNode([PROBE]);
  running.push(server);
  return {
    process: server,
    send: (method, params, id) =>
      server.tell(JSON.stringify({ jsonrpc: "2.0", ...(id === undefined ? {} : { id }), method, params })),
    async answer(id) {
      for (;;) {
        const line = Line.parse(JSON.parse(await server.hear()));
        if (line.id === id && line.method === undefined) return line;
      }
    },
  };
}

const INITIALIZE = {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "raw", version: "1" },
};

test("discover, then initialize: both are answered, and the older era is served", async () => {
  const { send, answer } = host();
  send("server/discover", { _meta: MODERN }, 1);
  expect(await answer(1)).toMatchObject({
    result: { supportedVersions: expect.arrayContaining(["2026-07-28"]) },
  });
  send("initialize", INITIALIZE, 2);
  expect(await answer(2)).toMatchObject({ result: { protocolVersion: "2025-11-25" } });
  send("notifications/initialized", {});
  send("tools/list", {}, 3);
  expect(await answer(3)).toMatchObject({ result: { tools: [{ name: "who_am_i" }, { name: "work_on" }] } });
});

test("initialize alone, as older hosts do", async () => {
  const { send, answer } = host();
  send("initialize", INITIALIZE, 1);
  expect(await answer(1)).toMatchObject({
    result: { protocolVersion: "2025-11-25", serverInfo: { name: "slipway-probe" } },
  });
  send("notifications/initialized", {});
  send("tools/call", { name: "who_am_i", arguments: { word: "hello" } }, 2);
  expect(await answer(2)).toMatchObject({
    result: { structuredContent: { word: "hello", principal: "local", client: "raw" } },
  });
});

test("requests of the new era without a handshake, after which an initialize is refused", async () => {
  const { send, answer } = host();
  send("tools/call", { name: "who_am_i", arguments: { word: "hello" }, _meta: MODERN }, 1);
  expect(await answer(1)).toMatchObject({
    result: { structuredContent: { word: "hello", principal: "local", client: "raw" } },
  });
  send("initialize", INITIALIZE, 2);
  expect(await answer(2)).toMatchObject({ error: { code: -32_022 } });
});

test.each(["2099-01-01", "2026-07-28"])(
  "an initialize that asks for %s is answered with the newest version that has one",
  async (protocolVersion) => {
    const { send, answer } = host();
    send("initialize", { ...INITIALIZE, protocolVersion }, 1);
    expect(await answer(1)).toMatchObject({ result: { protocolVersion: "2025-11-25" } });
  },
);

test("a version of the new era that nobody knows is refused by name", async () => {
  const { send, answer } = host();
  send("tools/list", { _meta: { ...MODERN, "io.modelcontextprotocol/protocolVersion": "2099-01-01" } }, 1);
  expect(await answer(1)).toMatchObject({ error: { code: -32_022 } });
});

test("a cancelled call aborts the tool; progress reaches only the call that asked for it", async () => {
  const { process: server, send, answer } = host();
  send("initialize", INITIALIZE, 1);
  await answer(1);
  send("notifications/initialized", {});
  send("tools/call", { name: "work_on", arguments: {} }, 2);
  send("tools/call", { name: "work_on", arguments: {}, _meta: { progressToken: "p" } }, 3);
  expect(Line.parse(JSON.parse(await server.hear()))).toEqual({
    jsonrpc: "2.0",
    method: "notifications/progress",
    params: { progressToken: "p", progress: 1, total: 2, message: "half" },
  });
  for (let i = 0; i < 200 && !server.stderr().includes("began\nbegan"); i += 1) await pause(10);
  send("notifications/cancelled", { requestId: 2 });
  send("notifications/cancelled", { requestId: 3 });
  for (let i = 0; i < 200 && !server.stderr().includes("aborted\naborted"); i += 1) await pause(10);
  expect(server.stderr()).toBe("began\nbegan\naborted\naborted\n");
  expect(server.lines.filter((line) => line.includes("progress"))).toHaveLength(1);
});

test("junk on stdin is survived", async () => {
  const { process: server, send, answer } = host();
  server.tell("this is not JSON");
  server.tell("{}");
  send("initialize", INITIALIZE, 1);
  expect(await answer(1)).toMatchObject({ result: { protocolVersion: "2025-11-25" } });
});

test.each(["SIGTERM", "SIGINT", "the end of stdin"])(
  "%s aborts what runs, closes the server and ends with 0",
  async (how) => {
    const { process: server, send, answer } = host();
    send("initialize", INITIALIZE, 1);
    await answer(1);
    send("notifications/initialized", {});
    send("tools/call", { name: "work_on", arguments: {} }, 2);
    for (let i = 0; i < 500 && !server.stderr().includes("began"); i += 1) await pause(10);
    if (how === "the end of stdin") server.endInput();
    else server.signal(how === "SIGTERM" ? "SIGTERM" : "SIGINT");
    expect(await server.ended).toBe(0);
    expect(server.stderr().split("\n").toSorted()).toEqual(["", "aborted", "began", "closed"]);
  },
);

test("a message of more than 10 MiB is refused by its schema, and the next one is answered", async () => {
  const { send, answer } = host();
  send("initialize", INITIALIZE, 1);
  await answer(1);
  send("tools/call", { name: "who_am_i", arguments: { word: ["x".repeat(10_500_000)] } }, 2);
  expect(await answer(2)).toMatchObject({
    result: { isError: true, content: [{ text: expect.stringContaining('"code":"invalid"') }] },
  });
  send("tools/call", { name: "who_am_i", arguments: { word: "hello" } }, 3);
  expect(await answer(3)).toMatchObject({ result: { structuredContent: { word: "hello" } } });
});

test("a server that lost its connection while the host holds it ends with exit code 1", async () => {
  const child = spawn(process.execPath, [PROBE], { stdio: ["pipe", "pipe", "ignore"] });
  const ended = once(child, "close");
  child.stdout.once("data", () => {
    child.stdout.destroy();
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 2, method: "tools/list", params: {} })}\n`);
  });
  child.stdin.write(
    `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: INITIALIZE })}\n`,
  );
  expect(await ended).toEqual([1, null]);
});
