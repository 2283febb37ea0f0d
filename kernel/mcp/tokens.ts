import { createHash, timingSafeEqual } from "node:crypto";

/** What a token lets do, each with all before it: read, do the work of tasks, and what only an owner should. */
export const SCOPES = ["read", "work", "admin"] as const;

export type Scope = (typeof SCOPES)[number];

/** A bearer token and the name its calls are recorded under. */
export type Token = {
  readonly name: string;
  /** The most it lets do; admin where it is left out. */
  readonly scope?: Scope;
  /** Epoch milliseconds; never where it is left out. */
  readonly expiresAt?: number;
} & ({ readonly secret: string } | { /** SHA-256 of the secret, in hex. */ readonly digest: string });

/** Whether a scope is enough for what asks for `needed`. */
export function covers(scope: Scope, needed: Scope): boolean {
  return SCOPES.indexOf(scope) >= SCOPES.indexOf(needed);
}

export type Verified =
  | { readonly kind: "known"; readonly token: Token }
  | { readonly kind: "expired" | "unknown" | "none" };

/**
 * Finds the token that an Authorization header names. Every token is compared, in the same time for every guess:
 * digests have one length.
 */
export function verifyBearer(header: string | undefined, tokens: readonly Token[], now: number): Verified {
  const given = /^Bearer (.+)$/i.exec(header ?? "")?.[1];
  if (given === undefined) return { kind: "none" };
  const digest = createHash("sha256").update(given).digest();
  const known = tokens.filter((token) => timingSafeEqual(digestOf(token), digest));
  const live = known.find(({ expiresAt }) => expiresAt === undefined || now < expiresAt);
  if (live !== undefined) return { kind: "known", token: live };
  return { kind: known.length > 0 ? "expired" : "unknown" };
}

export function digestOfSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

const EMPTY = Buffer.alloc(32);

function digestOf(token: Token): Buffer {
  const digest = Buffer.from("digest" in token ? token.digest : digestOfSecret(token.secret), "hex");
  return digest.length === EMPTY.length ? digest : EMPTY;
}
