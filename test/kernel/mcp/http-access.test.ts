import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { silentLog } from "../../../kernel/log.ts";
import { auditPath, auditTo } from "../../../kernel/mcp/audit.ts";
import { serveOverHttp, type HttpOptions } from "../../../kernel/mcp/http.ts";
import { rateLimit } from "../../../kernel/mcp/rate.ts";
import { bindTools, type ToolServer } from "../../../kernel/mcp/server.ts";
import {
  issueToken,
  readIssued,
  revokeToken,
  rotateToken,
  watchIssued,
} from "../../../kernel/mcp/token-file.ts";
import { digestOfSecret, verifyBearer, type Token } from "../../../kernel/mcp/tokens.ts";
import { defineTool, READS, WRITES } from "../../../kernel/mcp/tool.ts";
import { CERTIFICATE, CERTIFICATE_KEY } from "../../support/certificate.ts";
import { callTool } from "../../support/connect.ts";
import { slipwayHere } from "../../support/slipway-here.ts";
import { temporaryFolder } from "../../support/notes-store.ts";

let folder: ReturnType<typeof temporaryFolder>;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  folder.remove();
});

const done: string[] = [];
const tool = (name: string, annotations: typeof READS, scope?: "admin") =>
  defineTool({
    name,
    title: name,
    description: name,
    input: z.object({}),
    output: z.object({}),
    annotations,
    ...(scope === undefined ? {} : { scope }),
    run() {
      done.push(name);
      return {};
    },
  });
const server: ToolServer = {
  name: "scoped",
  instructions: "",
  tools: bindTools([tool("look", READS), tool("change", WRITES), tool("publish", WRITES, "admin")], {}),
  log: silentLog,
  close: async () => undefined,
};

async function served(options: Partial<HttpOptions>): Promise<string> {
  const http = await serveOverHttp(server, { host: "127.0.0.1", port: 0, tokens: [], ...options });
  closing.push(() => http.close());
  return http.url;
}

async function clientOf(url: string, secret: string): Promise<Client> {
  const client = new Client(
    { name: "t", version: "1" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  const requestInit = { headers: { authorization: `Bearer ${secret}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  closing.push(() => client.close());
  return client;
}

const ask = async (url: string, secret?: string): Promise<{ status: number; headers: Headers }> => {
  const { status, headers } = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
  });
  return { status, headers };
};

describe("a token", () => {
  const tokens: readonly Token[] = [
    { name: "plain", secret: "one" },
    { name: "kept as a digest", digest: digestOfSecret("two"), scope: "read", expiresAt: 1_000 },
    { name: "damaged", digest: "00" },
  ];
  test.each([
    ["Bearer one", 0, "plain"],
    ["bearer two", 999, "kept as a digest"],
    ["Bearer two", 1_000, "expired"],
    ["Bearer three", 0, "unknown"],
    ["Basic one", 0, "none"],
    ["Bearer ", 0, "none"],
    [undefined, 0, "none"],
  ])("%s at %i: %s", (header, now, expected) => {
    const found = verifyBearer(header, tokens, now);
    expect(found.kind === "known" ? found.token.name : found.kind).toBe(expected);
  });
});

test("a scope bounds what may be called; privileged calls are on record, allowed and denied, before they happen", async () => {
  done.length = 0;
  const home = folder.in("home");
  const url = await served({
    tokens: [
      { name: "reader", secret: "r", scope: "read" },
      { name: "worker", secret: "w", scope: "work" },
      { name: "owner", secret: "o" },
    ],
    audit: auditTo(home, () => 0, silentLog),
  });
  const allowed: string[] = [];
  for (const secret of ["r", "w", "o"]) {
    const client = await clientOf(url, secret);
    for (const name of ["look", "change", "publish"]) {
      const answer = await callTool(client, name, {});
      if (answer.ok) allowed.push(`${secret} ${name}`);
      else expect(answer.error).toMatchObject({ code: "denied", retryable: false, hint: expect.any(String) });
    }
  }
  expect(allowed).toEqual(["r look", "w look", "w change", "o look", "o change", "o publish"]);
  expect(done).toEqual(["look", "look", "change", "look", "change", "publish"]);
  const lines = readFileSync(auditPath(home), "utf8").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      at: "1970-01-01T00:00:00.000Z",
      principal: "token:reader",
      tool: "change",
      needs: "work",
      has: "read",
      outcome: "denied",
    },
    expect.objectContaining({ principal: "token:reader", tool: "publish", outcome: "denied" }),
    expect.objectContaining({
      principal: "token:worker",
      tool: "publish",
      needs: "admin",
      outcome: "denied",
    }),
    expect.objectContaining({ principal: "token:owner", tool: "publish", outcome: "allowed" }),
  ]);
  expect(statSync(auditPath(home)).mode & 0o777).toBe(0o600);
});

test("what cannot be put on record is not done", async () => {
  done.length = 0;
  const url = await served({
    tokens: [{ name: "owner", secret: "o" }],
    audit: () => {
      throw new DomainError("unavailable", "the disk is full");
    },
  });
  const client = await clientOf(url, "o");
  expect(await callTool(client, "publish", {})).toMatchObject({ ok: false, error: { code: "unavailable" } });
  expect(done).toEqual([]);
});

test("a token ends, and whoever asks too much is told to wait; guessing is slowed for its address only", async () => {
  let now = 0;
  const url = await served({
    tokens: [
      { name: "ann", secret: "a", expiresAt: 60_000 },
      { name: "bob", secret: "b" },
    ],
    clock: () => now,
    requestsPerSecond: 2,
  });
  const statuses = async (count: number, secret?: string): Promise<readonly number[]> => {
    const answers = [];
    for (let i = 0; i < count; i += 1) answers.push((await ask(url, secret)).status);
    return answers;
  };
  expect((await statuses(5, "a")).map((status) => status === 429)).toEqual([
    false,
    false,
    false,
    false,
    true,
  ]);
  expect((await ask(url, "b")).status).not.toBe(429);
  expect((await ask(url, "a")).headers.get("retry-after")).toBe("1");
  now += 1_000;
  expect((await ask(url, "a")).status).not.toBe(429);
  // A wrong secret uses up what its address may guess, and no one's own requests.
  const guesses = await statuses(50, "guess");
  expect(new Set(guesses)).toEqual(new Set([401, 429]));
  expect((await ask(url, "b")).status).not.toBe(429);
  now = 60_000;
  const ended = await ask(url, "a");
  expect(ended.status).toBe(401);
  expect(ended.headers.get("www-authenticate")).toBe(
    'Bearer error="invalid_token", error_description="the token has expired"',
  );
});

test("with a certificate https is served, and a key of another is refused in one line", async () => {
  const tls = { cert: CERTIFICATE, key: CERTIFICATE_KEY };
  const url = await served({ tokens: [{ name: "ann", secret: "a" }], tls });
  expect(url).toMatch(/^https:/);
  const status = await new Promise((resolve, reject) => {
    const call = request(url, { method: "POST", ca: CERTIFICATE, headers: { authorization: "Bearer a" } });
    call.once("error", reject);
    call.once("response", (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.end();
  });
  // Let in, and told that this is no MCP.
  expect(status).toBe(415);
  await expect(
    served({ tokens: [{ name: "ann", secret: "a" }], tls: { ...tls, key: "no key" } }),
  ).rejects.toMatchObject({ code: "unavailable", hint: expect.stringContaining("--tls-key") });
});

test("the rate is so many a second, and twice as many at once", () => {
  let now = 0;
  const limit = rateLimit(10, () => now);
  expect(Array.from({ length: 21 }, () => limit.take("a")).filter((wait) => wait === 0)).toHaveLength(20);
  expect(limit.take("b")).toBe(0);
  now += 500;
  expect(Array.from({ length: 6 }, () => limit.take("a")).filter((wait) => wait === 0)).toHaveLength(5);
});

describe("issued tokens", () => {
  test("are kept as digests, rotate with an overlap, end and are revoked while a server runs", () => {
    const path = join(folder.in("home"), "tokens.json");
    const problems: string[] = [];
    const current = watchIssued(path, (reason) => problems.push(reason));
    const letsIn = (secret: string, at: number) => verifyBearer(`Bearer ${secret}`, current(), at).kind;
    expect(current()).toEqual([]);
    const first = issueToken(path, { name: "ci", scope: "work", days: 30 }, 0);
    expect(readFileSync(path, "utf8")).not.toContain(first);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(letsIn(first, 29 * 86_400_000)).toBe("known");
    expect(letsIn(first, 30 * 86_400_000)).toBe("expired");
    expect(() => issueToken(path, { name: "ci", scope: "read", days: 1 }, 0)).toThrow("already");
    const second = rotateToken(path, "ci", { days: 30, overlapMs: 1_000 }, 5_000);
    expect(readIssued(path)).toHaveLength(2);
    expect([letsIn(first, 5_999), letsIn(first, 6_000), letsIn(second, 6_000)]).toEqual([
      "known",
      "expired",
      "known",
    ]);
    revokeToken(path, "ci");
    expect([letsIn(first, 0), letsIn(second, 0)]).toEqual(["unknown", "unknown"]);
    const third = issueToken(path, { name: "ci", scope: "read", days: 1 }, 0);
    expect(letsIn(third, 0)).toBe("known");
    // A damaged list lets nobody in, and says so once.
    writeFileSync(path, "{");
    utimesSync(path, 1, 1);
    expect([letsIn(third, 0), letsIn(third, 0)]).toEqual(["unknown", "unknown"]);
    expect(problems).toEqual([expect.stringContaining("cannot be read")]);
  });

  test("slipway token shows a secret once, and refuses in an agent's shell", async () => {
    const home = folder.in("home");
    const run = (argv: readonly string[], env: Record<string, string> = {}) =>
      slipwayHere(["token", ...argv, "--home", home], { cwd: folder.path, env });
    const made = await run(["create", "ci", "--scope", "read"]);
    expect(made).toMatchObject({ code: 0, out: [expect.stringMatching(/^slw_[\w-]{43}$/)] });
    const listed = await run(["list", "--json"]);
    expect(JSON.parse(listed.out[0] ?? "")).toMatchObject({ name: "ci", scope: "read", live: true });
    expect(listed.out.join("")).not.toContain(made.out[0]);
    expect(await run(["rotate", "ci"])).toMatchObject({ code: 0, out: [expect.stringMatching(/^slw_/)] });
    expect(await run(["revoke", "ci"])).toMatchObject({ code: 0 });
    for (const [argv, env, code, line] of [
      [["create", "x"], { CLAUDECODE: "1" }, 4, /an agent may not give itself access/],
      [["create"], {}, 2, /needs a name/],
      [["create", "a b"], {}, 2, /needs a name/],
      [["create", "x", "--scope", "root"], {}, 2, /no scope "root"/],
      [["create", "x", "--days", "400"], {}, 2, /1 to 366/],
      [["revoke", "nobody"], {}, 1, /no token "nobody"/],
    ] as const) {
      expect(await run(argv, env)).toMatchObject({ code, err: [expect.stringMatching(line)] });
    }
    expect(existsSync(join(home, "tokens.json"))).toBe(true);
  });
});
