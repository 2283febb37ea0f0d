import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DomainError } from "../errors.ts";
import { prepareFolder } from "../sqlite/open.ts";
import type { Token } from "./http.ts";
import { isLoopback } from "./loopback.ts";
import type { ToolServer } from "./server.ts";
import { serveOverStdio } from "./stdio.ts";

/** How to serve, as read from flags and environment. */
export interface ServeOptions {
  readonly home: string;
  readonly http: { readonly host: string; readonly port: number } | undefined;
  readonly tokenFile: string | undefined;
  /** The value of SLIPWAY_TOKEN. */
  readonly token: string | undefined;
  readonly announce: (line: string) => void;
}

/** Serves until the host goes away or the process is told to stop, then closes the server in order. */
export async function serve(server: ToolServer, options: ServeOptions): Promise<void> {
  const closing = Promise.withResolvers<void>();
  const stop = (): void => closing.resolve();
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  try {
    if (options.http === undefined) {
      const handle = serveOverStdio(server);
      process.stdin.once("end", stop);
      process.stdin.once("close", stop);
      await closing.promise;
      await handle.close();
      return;
    }
    const tokens = tokensFor(options);
    // Only now: a stdio server has no use for an HTTP stack, and there are five of them.
    const { serveOverHttp } = await import("./http.ts");
    const handle = await serveOverHttp(server, { ...options.http, tokens });
    options.announce(`slipway ${server.name} serves ${handle.url}`);
    await closing.promise;
    await handle.close();
  } finally {
    await server.close();
  }
}

function tokensFor({ home, http, tokenFile, token, announce }: ServeOptions): readonly Token[] {
  if (tokenFile !== undefined) return readTokens(tokenFile);
  if (token !== undefined && token !== "") return [{ name: "env", secret: token }];
  if (http !== undefined && !isLoopback(http.host)) return [];
  const file = join(home, "http-token");
  const secret = ownToken(home, file);
  announce(`bearer token: ${file}`);
  return [{ name: "local", secret }];
}

/** One token per line, each `name:secret` or a bare secret; empty lines and `#` comments are skipped. */
function readTokens(file: string): readonly Token[] {
  const text = (() => {
    try {
      return readFileSync(file, "utf8");
    } catch (error) {
      throw new DomainError("unavailable", `the token file ${file} cannot be read`, { hint: "give a readable file with --token-file", retryable: false, cause: error });
    }
  })();
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line, index) => {
    const colon = line.indexOf(":");
    return colon < 1 ? { name: `token-${index + 1}`, secret: line } : { name: line.slice(0, colon), secret: line.slice(colon + 1) };
  });
}

/** The token of this state folder, made by whichever process needs it first. */
function ownToken(home: string, file: string): string {
  prepareFolder(home);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
  try {
    // A link never replaces a file that another process has just made.
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, "utf8").trim();
}
