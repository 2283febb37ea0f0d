import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { GitPlayground } from "../git-repository.ts";
import { serveGit } from "./http-backend.ts";
import { answerPulls, type ForgeState, type Reply } from "./pulls.ts";

/** What goes wrong with a request: before it is carried out, or after, so that only its answer is lost. */
export type Fault =
  | "500_before"
  | "500_after"
  | "cut_before"
  | "cut_after"
  | "rate_limit"
  | "not_json"
  | "strange"
  | "stall";

/**
 * A GitHub that computes: pull requests over a real bare repository, where mergeable is what git says, a merge moves the
 * branch, and a refusal is the one GitHub gives. Only what the git server uses.
 */
export interface ForgeDouble {
  readonly api: string;
  /** Where the repository is cloned from. */
  readonly remote: string;
  readonly bare: string;
  readonly state: ForgeState;
  /** Decides about each request that changes or reads something over the API. */
  faults: (method: string, path: string) => Fault | undefined;
  /** Every API request, as "METHOD path". */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export const TOKEN = "token-of-ann";
const USERS: Readonly<Record<string, string>> = { [TOKEN]: "ann", "token-of-bob": "bob" };

export async function openForge(ground: GitPlayground, from: string): Promise<ForgeDouble> {
  const root = join(ground.base, "forge");
  mkdirSync(join(root, "team"), { recursive: true });
  const bare = join(root, "team", "app.git");
  ground.git(ground.base, "clone", "--quiet", "--bare", from, bare);
  ground.git(bare, "config", "http.receivepack", "true");
  const state: ForgeState = {
    pulls: [],
    nextNumber: 1,
    checks: new Map(),
    logs: new Map(),
    users: new Set(["ann", "bob", "carol"]),
    requiredApprovals: new Map(),
    queue: [],
    git: (...args) => ground.git(bare, ...args),
  };
  const requests: string[] = [];
  const double: { faults: ForgeDouble["faults"] } = { faults: () => undefined };
  const server = createServer((request, response) => {
    void handle(request, response).catch(() => response.writeHead(500).end());
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const user = userOf(request);
    const path = new URL(request.url ?? "/", "http://forge").pathname;
    if (/\.git(?:\/|$)/.test(path)) {
      if (user === undefined) return void response.writeHead(401, { "www-authenticate": "Basic" }).end();
      return serveGit(root, request, response, user);
    }
    const method = request.method ?? "GET";
    requests.push(`${method} ${path}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const fault = double.faults(method, path);
    // Never answered; whoever asks has to give up.
    if (fault === "stall") return;
    if (fault === "cut_before") return void request.socket.destroy();
    if (fault === "500_before") return send(response, { status: 502, body: { message: "Server Error" } });
    if (fault === "rate_limit")
      return send(response, {
        status: 429,
        body: { message: "secondary rate limit" },
        headers: { "retry-after": "60" },
      });
    if (fault === "not_json")
      return void response.writeHead(200, { "content-type": "text/html" }).end("<h1>hello</h1>");
    if (fault === "strange") return send(response, { status: 200, body: { number: "one" } });
    const text = Buffer.concat(chunks).toString("utf8");
    const body: Record<string, unknown> = text === "" ? {} : Object(JSON.parse(text));
    const query = new URL(request.url ?? "/", "http://forge").searchParams;
    const reply =
      user === undefined
        ? { status: 401, body: { message: "Bad credentials" } }
        : answerPulls(state, { method, path, query, body, user, accept: request.headers.accept ?? "" });
    if (fault === "cut_after") return void request.socket.destroy();
    if (fault === "500_after") return send(response, { status: 502, body: { message: "Server Error" } });
    send(response, reply);
  }

  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port }: AddressInfo = Object(server.address());
  return {
    api: `http://127.0.0.1:${port}`,
    remote: `http://127.0.0.1:${port}/team/app.git`,
    bare,
    state,
    get faults() {
      return double.faults;
    },
    set faults(next) {
      double.faults = next;
    },
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function userOf(request: IncomingMessage): string | undefined {
  const [scheme = "", value = ""] = (request.headers.authorization ?? "").split(" ");
  const token =
    scheme.toLowerCase() === "basic" ? Buffer.from(value, "base64").toString("utf8").split(":")[1] : value;
  return USERS[token ?? ""];
}

function send(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  const isText = typeof body === "string";
  response
    .writeHead(status, {
      "content-type": isText ? "text/plain" : "application/json; charset=utf-8",
      date: new Date().toUTCString(),
      ...headers,
    })
    .end(isText ? body : JSON.stringify(body));
}
