import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { prepareFolder } from "../../../kernel/sqlite/open.ts";

/** Signs what leaves the audit log. ed25519; the private half stays in the state folder, readable by its user only. */
export interface AuditKey {
  /** First 16 hexadecimal digits of the public key's SHA-256. */
  readonly id: string;
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicPem: string;
  /** Base64. */
  sign(text: string): string;
}

/**
 * The key of a state folder, `audit.key`, made by whichever process needs it first; of several at once all end with
 * the same one.
 *
 * @throws {DomainError} unavailable when the folder cannot be written or the file is damaged.
 */
export function auditKey(home: string): AuditKey {
  const file = join(home, "audit.key");
  const pem = read(file) ?? make(home, file);
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw damaged(file, cause);
  }
  if (key.asymmetricKeyType !== "ed25519") throw damaged(file, undefined);
  const publicKey = createPublicKey(key);
  const publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
  return {
    id: keyId(publicPem),
    publicPem,
    sign: (text) => sign(null, Buffer.from(text), key).toString("base64"),
  };
}

export function keyId(publicPem: string): string {
  return createHash("sha256").update(publicPem).digest("hex").slice(0, 16);
}

/** Whether this text was signed by the holder of this key. Whatever is no key or no signature was not. */
export function isSignedBy(publicPem: string, text: string, signature: string): boolean {
  try {
    return verify(null, Buffer.from(text), createPublicKey(publicPem), Buffer.from(signature, "base64"));
  } catch {
    return false;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new DomainError("unavailable", `${file} cannot be read`, {
      hint: "make it readable for this user only",
      retryable: false,
      cause,
    });
  }
}

function make(home: string, file: string): string {
  prepareFolder(home);
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, pem, { mode: 0o600 });
  try {
    // A link never replaces: the process that comes second reads the key of the first.
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return read(file) ?? pem;
}

function damaged(file: string, cause: unknown): DomainError {
  return new DomainError("unavailable", `${file} is damaged`, {
    hint: "put it back from a copy; what a new key signs cannot be told from a forgery by those who know the old one",
    retryable: false,
    cause,
  });
}
