import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../../kernel/log.ts";
import { serveOverHttp, type HttpOptions } from "../../../kernel/mcp/http.ts";
import { mustCall } from "../../support/connect.ts";
import { startNode, type LineProcess } from "../../support/line-process.ts";
import { temporaryFolder } from "../../support/notes-store.ts";
import { probeServer } from "../../support/probe-server.ts";

const MAIN = join(import.meta.dirname, "../../../bin/main.ts");
const TOKENS = [
  { name: "ann", secret: "secret-of-ann" },
  { name: "bob", secret: "secret-of-bob" },
];
const opened: { close(): Promise<void> }[] = [];
const running: LineProcess[] = [];
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
  for (const one of running.splice(0)) {
    one.signal("SIGKILL");
    await one.ended;
  }
  folder.remove();
});

async function serveProbe(options: Partial<HttpOptions> = {}): Promise<string> {
  const served = await serveOverHttp(
    probeServer(silentLog, () => undefined),
    { host: "127.0.0.1", port: 0, tokens: TOKENS, ...options },
  );
  opened.push(served);
  return served.url;
}

async function clientOf(url: string, name: string, secret: string, pin = true): Promise<Client> {
  const client = new Client(
    { name, version: "1" },
    pin ? { versionNegotiation: { mode: { pin: "2026-07-28" } } } : {},
  );
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { authorization: `Bearer ${secret}` } },
    }),
  );
  opened.push(client);
  return client;
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

function send(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const call = request(url, {
      method: "POST",
      headers: {
        authorization: "Bearer secret-of-ann",
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...headers,
      },
    });
    call.once("error", reject);
    call.once("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => void (text += chunk.toString()));
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    call.end(body);
  });
}

const LIST = {
  jsonrpc: "2.0",
  id: 1,
  method: "tools/list",
  params: {
    _meta: {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  },
};
const MODERN = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list" };

test("a body over 4 MiB, a body that is no JSON, and headers that differ from the body are refused", async () => {
  const url = await serveProbe();
  expect((await send(url, MODERN, JSON.stringify(LIST))).status).toBe(200);
  expect((await send(url, MODERN, JSON.stringify({ ...LIST, padding: "x".repeat(5_000_000) }))).status).toBe(
    413,
  );
  expect((await send(url, { ...MODERN, "content-type": "text/plain" }, JSON.stringify(LIST))).status).toBe(
    415,
  );
  expect((await send(url, MODERN, "{")).status).toBe(400);
  const differing = await send(url, { ...MODERN, "mcp-method": "tools/call" }, JSON.stringify(LIST));
  expect(differing.status).toBe(400);
  expect(differing.body).toContain("-32020");
});

test("a request line that is no address is answered, and the server lives on", async () => {
  const url = await serveProbe();
  for (const target of ["//[", "//", "/mcp%zz", "http://[/mcp"]) {
    const answered = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), "127.0.0.1", () =>
        socket.end(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
      );
      let text = "";
      socket.on("data", (chunk: Buffer) => void (text += chunk.toString()));
      socket.once("error", reject);
      socket.once("close", () => resolve(text));
    });
    expect(answered).toMatch(/^HTTP\/1\.1 (404|400) /);
  }
  expect((await send(url, MODERN, JSON.stringify(LIST))).status).toBe(200);
});

test("clients at the same time get their own answers, under the name of their own token", async () => {
  const url = await serveProbe();
  const clients = await Promise.all([
    clientOf(url, "ann's", "secret-of-ann"),
    clientOf(url, "bob's", "secret-of-bob"),
    clientOf(url, "bob's old", "secret-of-bob", false),
  ]);
  const calls = Array.from({ length: 30 }, (_, i) => i);
  const answers = await Promise.all(
    calls.map((i) =>
      mustCall(clients[i % 3] ?? clients[0], "who_am_i", { word: `w${i}`, wait_ms: (i * 7) % 40 }),
    ),
  );
  expect(answers).toEqual(
    calls.map((i) => ({
      word: `w${i}`,
      principal: i % 3 === 0 ? "token:ann" : "token:bob",
      // A client of the older era names itself when it connects, which a server without sessions forgets.
      client: ["ann's", "bob's", ""][i % 3],
    })),
  );
});

test("any address of 127/8 is served under its own name, and beyond it under the machine's addresses", async () => {
  const url = await serveProbe({ host: "127.0.0.2" });
  expect((await send(url, MODERN, JSON.stringify(LIST))).status).toBe(200);
  const everywhere = await serveProbe({ host: "0.0.0.0" });
  const port = new URL(everywhere).port;
  expect((await send(`http://127.0.0.1:${port}/mcp`, MODERN, JSON.stringify(LIST))).status).toBe(200);
  expect(
    (await send(`http://127.0.0.1:${port}/mcp`, { ...MODERN, host: "page.example" }, JSON.stringify(LIST)))
      .status,
  ).toBe(403);
});

function serveTasks(args: readonly string[], env: Readonly<Record<string, string>> = {}): LineProcess {
  const { SLIPWAY_TOKEN: _token, SLIPWAY_HOME: _home, ...rest } = process.env;
  const server = startNode(
    [MAIN, "--home", folder.in("home"), "serve", "tasks", "--http", "--port", "0", ...args],
    { env: { ...rest, ...env } },
  );
  running.push(server);
  return server;
}

async function urlOf(server: LineProcess): Promise<string> {
  await expect.poll(() => server.stderr(), { timeout: 60_000 }).toMatch(/serves http/);
  return /serves (http\S+)/.exec(server.stderr())?.[1] ?? "";
}

test("what cannot be served is refused with exit 4 and one line that says what to change", async () => {
  const url = await serveProbe();
  writeFileSync(folder.in("empty"), "# nobody\n\n");
  writeFileSync(folder.in("half"), "ann:\n");
  const refused: readonly (readonly [readonly string[], RegExp, number])[] = [
    [
      ["--port", new URL(url).port],
      /^slipway: port \d+ on 127\.0\.0\.1 is taken \(choose another with --port N.*\)\n$/,
      4,
    ],
    [
      ["--host", "0.0.0.0"],
      /^slipway: serving on 0\.0\.0\.0 needs a bearer token \(.*--token-file.*\)\n$/,
      4,
    ],
    [
      ["--host", "192.0.2.1", "--token-file", folder.in("good")],
      /^slipway: 192\.0\.2\.1 is not an address of this machine \(.*--host.*\)\n$/,
      4,
    ],
    [["--token-file", folder.in("missing")], /^slipway: the token file .* cannot be read \(.*\)\n$/, 4],
    [["--token-file", folder.in("empty")], /^slipway: the token file .* holds no token \(.*\)\n$/, 4],
    [["--token-file", folder.in("half")], /^slipway: line 1 of .* has no secret \(.*\)\n$/, 2],
  ];
  writeFileSync(folder.in("good"), "secret\n");
  for (const [args, line, code] of refused) {
    const server = serveTasks(args);
    expect(await server.ended).toBe(code);
    expect(server.stderr()).toMatch(line);
  }
}, 60_000);

test("a token file names its callers; SLIPWAY_TOKEN is one more way; SIGTERM ends with 0", async () => {
  writeFileSync(folder.in("tokens"), "# who may call\nann: one\nbare-secret\n");
  const server = serveTasks(["--token-file", folder.in("tokens")]);
  const url = await urlOf(server);
  for (const [secret, status] of [
    ["one", 200],
    ["bare-secret", 200],
    ["ann: one", 401],
    ["", 401],
  ] as const) {
    expect(
      (await send(url, { ...MODERN, authorization: `Bearer ${secret}` }, JSON.stringify(LIST))).status,
    ).toBe(status);
  }
  const client = await clientOf(url, "ann's", "one");
  await mustCall(client, "add_tasks", { tasks: [{ title: "a" }] });
  const { events } = await mustCall(client, "read_events", {});
  expect(JSON.stringify(events)).toContain('"principal":"token:ann"');
  server.signal("SIGTERM");
  expect(await server.ended).toBe(0);
  const withEnv = serveTasks([], { SLIPWAY_TOKEN: "from the environment" });
  const other = await urlOf(withEnv);
  expect(
    (await send(other, { ...MODERN, authorization: "Bearer from the environment" }, JSON.stringify(LIST)))
      .status,
  ).toBe(200);
  expect(withEnv.stderr()).not.toContain("from the environment");
}, 60_000);

test("two servers that start at once make one token file, private to its user, which both take", async () => {
  const servers = [serveTasks([]), serveTasks([])];
  const urls = await Promise.all(servers.map((server) => urlOf(server)));
  const file = folder.in("home/http-token");
  const secret = readFileSync(file, "utf8").trim();
  expect(secret.length).toBeGreaterThanOrEqual(32);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder.in("home")).filter((name) => name.startsWith("http-token"))).toEqual([
    "http-token",
  ]);
  for (const url of urls) {
    expect(
      (await send(url, { ...MODERN, authorization: `Bearer ${secret}` }, JSON.stringify(LIST))).status,
    ).toBe(200);
  }
  expect(servers.map((server) => server.stderr()).join("")).not.toContain(secret);
}, 60_000);
