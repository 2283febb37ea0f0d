import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { z } from "zod";
import { canonicalJson } from "./canonical-json.ts";
import { DomainError } from "./errors.ts";
import { prepareFolder } from "./sqlite/open.ts";

/** SHA-256 in base64url: 43 characters. Every digest inside a receipt has this form. */
const Digest = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/**
 * What a sandbox vouches for. `tree_digest` covers what callers put into the workspace; `commands_before` counts
 * the commands that ran in this sandbox earlier and may have changed it, so 0 means the command saw exactly that tree.
 */
export const Receipt = z.strictObject({
  v: z.literal(1),
  id: z.string(),
  sandbox_id: z.string(),
  backend: z.string(),
  isolation: z.enum(["container", "namespaces", "none"]),
  command: z.union([
    z.strictObject({ argv: z.array(z.string()) }),
    z.strictObject({ argv_sha256: Digest }),
    z.strictObject({ script: z.string() }),
    z.strictObject({ script_sha256: Digest }),
  ]),
  /** Relative to the workspace; "." is its top. */
  cwd: z.string(),
  tree_digest: Digest,
  commands_before: z.int().min(0),
  outcome: z.string(),
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
  counts: z.strictObject({ passed: z.int(), failed: z.int(), skipped: z.int() }).nullable(),
  stdout_sha256: Digest,
  stderr_sha256: Digest,
  started_at: z.iso.datetime(),
  finished_at: z.iso.datetime(),
});

export type Receipt = z.output<typeof Receipt>;

/** A receipt travels as one word, so that it passes through agents and JSON unharmed. */
const PREFIX = "slipway-receipt.v1.";

/** SHA-256 of bytes or text in the form receipts use. */
export function receiptDigest(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("base64url");
}

/** What a program is started with: an argument list, or a script for `sh -c`. */
export type ReceiptCommand = { readonly argv: readonly string[] } | { readonly script: string };

/** Longest command that a receipt spells out, in characters; longer ones are named by digest. */
const MAX_COMMAND_CHARS = 400;

/** How a receipt names a command. */
export function receiptCommand(command: ReceiptCommand): Receipt["command"] {
  if ("script" in command) {
    return command.script.length <= MAX_COMMAND_CHARS
      ? { script: command.script }
      : { script_sha256: receiptDigest(command.script) };
  }
  const text = canonicalJson(command.argv);
  return text.length <= MAX_COMMAND_CHARS
    ? { argv: [...command.argv] }
    : { argv_sha256: receiptDigest(text) };
}

/** Whether a receipt is about exactly this command; compare with this, because long commands are named by digest. */
export function isReceiptFor(receipt: Receipt, command: ReceiptCommand): boolean {
  return canonicalJson(receipt.command) === canonicalJson(receiptCommand(command));
}

/** One entry of a tree: `mode` as git writes it (100644, 100755, 120000), `digest` of the content or of the link's target. */
export interface TreeEntry {
  readonly path: string;
  readonly mode: string;
  readonly digest: string;
}

/** The digest of a set of files, whatever their order: SHA-256 over `mode digest path NUL`, sorted by the path's UTF-8 bytes. */
export function treeDigest(entries: Iterable<TreeEntry>): string {
  const hash = createHash("sha256");
  const sorted = [...entries]
    .map((entry) => ({ entry, key: Buffer.from(entry.path) }))
    .sort((a, b) => Buffer.compare(a.key, b.key));
  for (const { entry } of sorted) hash.update(`${entry.mode} ${entry.digest} ${entry.path}\0`);
  return hash.digest("base64url");
}

// What every receipt repeats. A model pays for each character of a receipt, and this saves two thirds of them.
// Part of the format: a receipt written with another dictionary cannot be read.
const DICTIONARY = Buffer.from(
  '"argv":["npm","run","test"],"node","sh","-c","git","output_cap","cancelled","not_found","bad_cwd","sandbox_dead","backend_down","signaled","timeout","oom","pids","disk","SIGKILL","SIGTERM","SIGSEGV","unisolated","none","bubblewrap","namespaces","argv_sha256":"","script_sha256":"","counts":{"failed":0,"passed":0,"skipped":0},{"backend":"docker","command":{"script":"npm test"},"commands_before":0,"counts":null,"cwd":".","exit_code":0,"finished_at":"2026-01-01T00:00:00.000Z","id":"rcp_01","isolation":"container","outcome":"exited","sandbox_id":"sbx_01","signal":null,"started_at":"2026-01-01T00:00:00.000Z","stderr_sha256":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU","stdout_sha256":"","tree_digest":"","v":1}',
);
const MAX_PAYLOAD_BYTES = 65_536;

/** Signs a receipt: `slipway-receipt.v1.<canonical JSON, deflated>.<HMAC-SHA256>`, both base64url. */
export function signReceipt(receipt: Receipt, key: Uint8Array): string {
  const payload = deflateRawSync(canonicalJson(receipt), { dictionary: DICTIONARY, level: 9 }).toString(
    "base64url",
  );
  return `${PREFIX}${payload}.${mac(payload, key)}`;
}

/** Reads a receipt back, or says why it proves nothing. */
export function verifyReceipt(
  token: string,
  key: Uint8Array,
): { readonly ok: true; readonly receipt: Receipt } | { readonly ok: false; readonly reason: string } {
  const [payload, given, ...rest] = token.startsWith(PREFIX) ? token.slice(PREFIX.length).split(".") : [];
  if (payload === undefined || given === undefined || rest.length > 0)
    return { ok: false, reason: "this is not a receipt" };
  const expected = Buffer.from(mac(payload, key));
  const actual = Buffer.from(given);
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) {
    return {
      ok: false,
      reason: "the signature does not fit: the receipt was changed, or it comes from another state folder",
    };
  }
  const receipt = Receipt.safeParse(readPayload(payload));
  return receipt.success
    ? { ok: true, receipt: receipt.data }
    : { ok: false, reason: "the receipt has fields that this version does not know" };
}

function mac(payload: string, key: Uint8Array): string {
  return createHmac("sha256", key).update(PREFIX).update(payload).digest("base64url");
}

/** Called for signed payloads only. */
function readPayload(payload: string): unknown {
  try {
    return JSON.parse(
      inflateRawSync(Buffer.from(payload, "base64url"), {
        dictionary: DICTIONARY,
        maxOutputLength: MAX_PAYLOAD_BYTES,
      }).toString("utf8"),
    );
  } catch {
    return undefined;
  }
}

const KEY_BYTES = 32;

/**
 * The signing key of a state folder, `receipt.key`, readable by its user only. Whichever process needs it first
 * makes it; of several at once, all end with the same key.
 *
 * @throws {DomainError} unavailable when the folder cannot be written or the key file is damaged.
 */
export function receiptKey(home: string, random: (bytes: number) => Uint8Array = randomBytes): Uint8Array {
  const file = join(home, "receipt.key");
  const found = readKey(file);
  if (found !== undefined) return found;
  prepareFolder(dirname(file));
  const draft = `${file}.${Buffer.from(random(8)).toString("hex")}`;
  writeFileSync(draft, random(KEY_BYTES), { mode: 0o600, flag: "wx" });
  try {
    // A link never replaces: the process that comes second reads the key of the first.
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const key = readKey(file);
  if (key === undefined) throw new Error("the receipt key vanished while it was made");
  return key;
}

function readKey(file: string): Uint8Array | undefined {
  const key = (() => {
    try {
      return readFileSync(file);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw new DomainError("unavailable", `${file} cannot be read`, {
        hint: "make it readable for this user only",
        retryable: false,
        cause: error,
      });
    }
  })();
  if (key !== undefined && key.length !== KEY_BYTES) {
    throw new DomainError("unavailable", `${file} is damaged`, {
      hint: "delete it: a new key is made, and receipts signed with the old one are no longer accepted",
      retryable: false,
    });
  }
  return key;
}
