import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { DomainError } from "../errors.ts";
import { prepareFolder } from "../sqlite/open.ts";
import { digestOfSecret, SCOPES, type Scope } from "./tokens.ts";

const Entry = z.strictObject({
  name: z.string().min(1).max(60),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  scope: z.enum(SCOPES),
  createdAt: z.number(),
  expiresAt: z.number(),
});
const File = z.strictObject({ tokens: z.array(Entry).max(1_000) });

/** A token that Slipway issued. Only its digest is kept; the secret is shown once. */
export type IssuedToken = z.output<typeof Entry>;

/** A token lives so long, unless told otherwise. */
export const DEFAULT_DAYS = 30;
const DAY_MS = 86_400_000;

/** The issued tokens of a state folder. */
export function tokensPath(home: string): string {
  return join(home, "tokens.json");
}

/**
 * Reads the issued tokens; none where there is no file.
 *
 * @throws {DomainError} unavailable where the file cannot be read as such: nobody is let in by a damaged list.
 */
export function readIssued(path: string): readonly IssuedToken[] {
  try {
    return File.parse(JSON.parse(readFileSync(path, "utf8"))).tokens;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw new DomainError("unavailable", `${path} cannot be read`, {
      hint: "make it readable, or remove it and issue the tokens again",
      retryable: false,
      cause: error,
    });
  }
}

export interface Issue {
  readonly name: string;
  readonly scope: Scope;
  readonly days: number;
}

/**
 * Issues a token and returns its secret, which is kept nowhere.
 *
 * @throws {DomainError} conflict where a live token of that name is there.
 */
export function issueToken(path: string, { name, scope, days }: Issue, now: number): string {
  const kept = readIssued(path).filter(({ expiresAt }) => now < expiresAt);
  if (kept.some((token) => token.name === name))
    throw new DomainError("conflict", `there is a token "${name}" already`, {
      hint: `slipway token rotate ${name}, or another name`,
    });
  const secret = newSecret();
  const token = {
    name,
    digest: digestOfSecret(secret),
    scope,
    createdAt: now,
    expiresAt: now + days * DAY_MS,
  };
  save(path, [...kept, token]);
  return secret;
}

/**
 * Puts a new secret in the place of a token's. The old one goes on for `overlapMs`, so that clients can change over.
 *
 * @throws {DomainError} not_found
 */
export function rotateToken(
  path: string,
  name: string,
  { days, overlapMs }: { readonly days: number; readonly overlapMs: number },
  now: number,
): string {
  const all = readIssued(path);
  const old = all.filter((token) => token.name === name);
  const latest = old.at(-1);
  if (latest === undefined) throw noToken(name);
  const secret = newSecret();
  save(path, [
    ...all.filter((token) => token.name !== name && now < token.expiresAt),
    ...old
      .map((token) => ({ ...token, expiresAt: Math.min(token.expiresAt, now + overlapMs) }))
      .filter(({ expiresAt }) => now < expiresAt),
    {
      name,
      digest: digestOfSecret(secret),
      scope: latest.scope,
      createdAt: now,
      expiresAt: now + days * DAY_MS,
    },
  ]);
  return secret;
}

/** Ends a token now. @throws {DomainError} not_found */
export function revokeToken(path: string, name: string): void {
  const all = readIssued(path);
  const kept = all.filter((token) => token.name !== name);
  if (kept.length === all.length) throw noToken(name);
  save(path, kept);
}

function noToken(name: string): DomainError {
  return new DomainError("not_found", `there is no token "${name}"`, {
    hint: "slipway token list shows them",
  });
}

function newSecret(): string {
  return `slw_${randomBytes(32).toString("base64url")}`;
}

function save(path: string, tokens: readonly IssuedToken[]): void {
  prepareFolder(dirname(path));
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(draft, `${JSON.stringify({ tokens }, null, 2)}\n`, { mode: 0o600, flag: "wx" });
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * The issued tokens as they are now, read again whenever the file changed: rotation and revocation need no restart.
 * A file that turns unreadable lets nobody in.
 */
export function watchIssued(path: string, onProblem: (reason: string) => void): () => readonly IssuedToken[] {
  let seen = "";
  let current: readonly IssuedToken[] = [];
  return () => {
    const stat = statSync(path, { throwIfNoEntry: false });
    const mark = stat === undefined ? "none" : `${stat.ino}:${stat.mtimeMs}:${stat.size}`;
    if (mark === seen) return current;
    seen = mark;
    try {
      current = readIssued(path);
    } catch (error) {
      current = [];
      onProblem(error instanceof Error ? error.message : String(error));
    }
    return current;
  };
}
