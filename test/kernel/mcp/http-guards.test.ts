import { request } from "node:http";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLog } from "../../../kernel/log.ts";
import { serveOverHttp } from "../../../kernel/mcp/http.ts";
import { serve } from "../../../kernel/mcp/serve.ts";
import type { ToolServer } from "../../../kernel/mcp/server.ts";

const TOKEN = "the-secret-of-this-test";
const empty: ToolServer = {
  name: "empty",
  instructions: "",
  tools: [],
  log: silentLog,
  close: async () => undefined,
};

let served: { readonly url: string; close(): Promise<void> };
beforeAll(async () => {
  served = await serveOverHttp(empty, {
    host: "127.0.0.1",
    port: 0,
    tokens: [{ name: "tester", secret: TOKEN }],
  });
});
afterAll(() => served.close());

const BODY = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
});

/** `fetch` does not let a page's Host header be set, `node:http` does. */
function post(headers: Readonly<Record<string, string>>, path = "/mcp"): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(new URL(path, served.url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...headers,
      },
    });
    call.once("error", reject);
    call.once("response", (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode));
    });
    call.end(BODY);
  });
}

const bearer = { authorization: `Bearer ${TOKEN}` };

test.each([
  ["with its token", bearer, "/mcp", 200],
  ["with its token, from a page of this machine", { ...bearer, origin: "http://localhost" }, "/mcp", 200],
  ["without a token", {}, "/mcp", 401],
  ["with another token", { authorization: "Bearer guess" }, "/mcp", 401],
  ["with the token in another scheme", { authorization: `Basic ${TOKEN}` }, "/mcp", 401],
  ["from a foreign page", { ...bearer, origin: "https://page.example" }, "/mcp", 403],
  ["under a name that was rebound to this machine", { ...bearer, host: "page.example" }, "/mcp", 403],
  ["to another path", bearer, "/", 404],
])("a request %s: %#", async (_what, headers, path, status) => {
  expect(await post(headers, path)).toBe(status);
});

test("beyond this machine nothing is served without a token of one's own", async () => {
  await expect(serveOverHttp(empty, { host: "0.0.0.0", port: 0, tokens: [] })).rejects.toMatchObject({
    code: "denied",
  });
  const home = mkdtempSync(join(tmpdir(), "slipway-http-"));
  const start = serve(empty, {
    home,
    http: { host: "0.0.0.0", port: 0 },
    tokenFile: undefined,
    token: undefined,
    announce: () => undefined,
  });
  await expect(start).rejects.toMatchObject({ code: "denied" });
  rmSync(home, { recursive: true });
});

test("the state folder and the token that are made for this machine are for its user only", async () => {
  const base = mkdtempSync(join(tmpdir(), "slipway-http-"));
  const home = join(base, "state");
  const announced: string[] = [];
  const running = serve(empty, {
    home,
    http: { host: "127.0.0.1", port: 0 },
    tokenFile: undefined,
    token: undefined,
    announce: (line) => announced.push(line),
  });
  await expect.poll(() => announced.length).toBe(2);
  expect(statSync(join(home, "http-token")).mode & 0o777).toBe(0o600);
  expect(statSync(home).mode & 0o777).toBe(0o700);
  process.emit("SIGTERM");
  await running;
  rmSync(base, { recursive: true });
});
