import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../clock.ts";
import { DomainError } from "../errors.ts";
import { prepareFolder } from "../sqlite/open.ts";
import { auditTo } from "./audit.ts";
import { isLoopback } from "./loopback.ts";
import type { ToolServer } from "./server.ts";
import { serveOverStdio } from "./stdio.ts";
import { DEFAULT_DAYS, tokensPath, watchIssued } from "./token-file.ts";
import type { Token } from "./tokens.ts";

/** How to serve, as read from flags and environment. */
export interface ServeOptions {
  readonly home: string;
  readonly http:
    | {
        readonly host: string;
        readonly port: number;
        /** Paths of PEM files. */
        readonly tls?: { readonly cert: string; readonly key: string };
      }
    | undefined;
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
      const handle = serveOverStdio(server, () => {
        // A host restarts a server that failed; one that is deaf it would wait for.
        process.exitCode = 1;
        stop();
      });
      process.stdin.once("end", stop);
      process.stdin.once("close", stop);
      await closing.promise;
      await handle.close();
      return;
    }
    const { home, http } = options;
    const { tokens, madeFile } = tokensFor(options);
    const issued = watchIssued(tokensPath(home), (reason) => server.log("error", reason));
    const { tls } = http;
    // Only now: a stdio server has no use for an HTTP stack, and there are five of them.
    const { serveOverHttp } = await import("./http.ts");
    const handle = await serveOverHttp(server, {
      host: http.host,
      port: http.port,
      ...(tls === undefined ? {} : { tls: { cert: readPem(tls.cert), key: readPem(tls.key) } }),
      tokens: () => [...tokens, ...issued()],
      audit: auditTo(home, systemClock, server.log),
    });
    options.announce(`slipway ${server.name} serves ${handle.url}`);
    if (madeFile !== undefined) options.announce(`bearer token: ${madeFile}`);
    await closing.promise;
    await handle.close();
  } finally {
    process.off("SIGTERM", stop);
    process.off("SIGINT", stop);
    await server.close();
  }
}

/** The tokens that are let in, and the file that Slipway keeps its own one in, where nobody gave any. */
function tokensFor({ home, http, tokenFile, token }: ServeOptions): {
  readonly tokens: readonly Token[];
  readonly madeFile?: string;
} {
  if (tokenFile !== undefined) return { tokens: readTokens(tokenFile) };
  if (token !== undefined && token !== "") return { tokens: [{ name: "env", secret: token }] };
  if (http !== undefined && !isLoopback(http.host)) return { tokens: [] };
  const file = join(home, "http-token");
  if (expiryOf(file) < systemClock()) rmSync(file, { force: true });
  const secret = ownToken(home, file);
  return { tokens: [{ name: "local", secret, expiresAt: expiryOf(file) }], madeFile: file };
}

/**
 * One token per line, each `name:secret` or a bare secret; empty lines and `#` comments are skipped.
 *
 * @throws {DomainError} unavailable for a file that cannot be read or holds none; invalid for a name without a secret.
 */
function readTokens(file: string): readonly Token[] {
  const hint = 'give a readable file with --token-file, each line "name:secret" or "secret"';
  const text = (() => {
    try {
      return readFileSync(file, "utf8");
    } catch (error) {
      throw new DomainError("unavailable", `the token file ${file} cannot be read`, {
        hint,
        retryable: false,
        cause: error,
      });
    }
  })();
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const tokens = lines.flatMap((line, index) => {
    if (line === "" || line.startsWith("#")) return [];
    const colon = line.indexOf(":");
    const name = colon < 1 ? `token-${index + 1}` : line.slice(0, colon).trim();
    const secret = line.slice(colon + 1).trim();
    if (secret === "")
      throw new DomainError("invalid", `line ${index + 1} of ${file} has no secret`, { hint });
    return [{ name, secret }];
  });
  if (tokens.length === 0)
    throw new DomainError("unavailable", `the token file ${file} holds no token`, { hint, retryable: false });
  return tokens;
}

/** When the token in a file ends: as long after it was made as any. */
function expiryOf(file: string): number {
  const made = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
  return made + DEFAULT_DAYS * 86_400_000;
}

function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new DomainError("unavailable", `${path} cannot be read`, {
      hint: "give readable PEM files with --tls-cert and --tls-key",
      retryable: false,
      cause: error,
    });
  }
}

/** The token of this state folder, made by whichever process needs it first. */
function ownToken(home: string, file: string): string {
  prepareFolder(home);
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(draft, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
    // A link never replaces a file that another process has just made.
    linkUnlessThere(draft, file);
    const secret = readFileSync(file, "utf8").trim();
    if (secret !== "") return secret;
  } catch (error) {
    throw new DomainError("unavailable", `${file} cannot be read or made`, {
      hint: "make it readable, or give a token in SLIPWAY_TOKEN",
      retryable: false,
      cause: error,
    });
  } finally {
    rmSync(draft, { force: true });
  }
  throw new DomainError("unavailable", `${file} is empty`, {
    hint: "remove it, and a new one is made",
    retryable: false,
  });
}

function linkUnlessThere(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}
