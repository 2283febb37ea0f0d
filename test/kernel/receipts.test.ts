import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fork } from "node:child_process";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import {
  isReceiptFor,
  receiptCommand,
  receiptDigest,
  receiptKey,
  signReceipt,
  treeDigest,
  verifyReceipt,
  type Receipt,
} from "../../kernel/receipts.ts";

const KEY = Buffer.alloc(32, 7);

const sample: Receipt = {
  v: 1,
  id: "rcp_1",
  sandbox_id: "sbx_1",
  backend: "docker",
  isolation: "container",
  command: { argv: ["npm", "test"] },
  cwd: ".",
  tree_digest: receiptDigest("tree"),
  commands_before: 0,
  outcome: "exited",
  exit_code: 0,
  signal: null,
  counts: null,
  stdout_sha256: receiptDigest("out"),
  stderr_sha256: receiptDigest(""),
  started_at: "2026-01-01T00:00:00.000Z",
  finished_at: "2026-01-01T00:00:01.000Z",
};

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "slipway-receipts-"));
  folders.push(made);
  return made;
}

test("a receipt is one word that JSON carries unharmed and that verifies", () => {
  const token = signReceipt(sample, KEY);
  expect(token).toMatch(/^slipway-receipt\.v1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$/);
  expect(verifyReceipt(JSON.parse(JSON.stringify({ token })).token, KEY)).toEqual({
    ok: true,
    receipt: sample,
  });
});

const changes: { readonly [Field in keyof Receipt]: unknown } = {
  v: 2,
  id: "rcp_2",
  sandbox_id: "sbx_2",
  backend: "bubblewrap",
  isolation: "none",
  command: { argv: ["npm", "run", "test"] },
  cwd: "src",
  tree_digest: receiptDigest("other"),
  commands_before: 1,
  outcome: "timeout",
  exit_code: 1,
  signal: "SIGKILL",
  counts: { passed: 1, failed: 0, skipped: 0 },
  stdout_sha256: receiptDigest("other"),
  stderr_sha256: receiptDigest("other"),
  started_at: "2025-01-01T00:00:00.000Z",
  finished_at: "2027-01-01T00:00:01.000Z",
};

test.each(Object.entries(changes))("a changed %s is refused", (field, value) => {
  const [, mac = ""] = /\.([^.]+)$/.exec(signReceipt(sample, KEY)) ?? [];
  const forged = signReceipt({ ...sample, [field]: value }, Buffer.alloc(32, 9)).replace(/[^.]+$/, mac);
  expect(verifyReceipt(forged, KEY)).toMatchObject({ ok: false });
});

test("a changed character anywhere is refused", () => {
  const token = signReceipt(sample, KEY);
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom(..."AZaz09-_.="), (at, character) => {
      fc.pre(token[at] !== character);
      const changed = token.slice(0, at) + character + token.slice(at + 1);
      expect(verifyReceipt(changed, KEY).ok).toBe(false);
    }),
  );
});

test("a receipt costs a model little", () => {
  const token = signReceipt({ ...sample, stderr_sha256: receiptDigest("err") }, KEY);
  expect(token.length).toBeLessThan(330);
});

test.each(["", "x", "slipway-receipt.v1.", "slipway-receipt.v1.a.b.c", "slipway-receipt.v2.a.b"])(
  "%j is not a receipt",
  (token) => {
    expect(verifyReceipt(token, KEY).ok).toBe(false);
  },
);

test("another state folder's key refuses", () => {
  expect(verifyReceipt(signReceipt(sample, KEY), Buffer.alloc(32, 8))).toMatchObject({ ok: false });
});

test("a signed payload of an unknown form is refused", () => {
  const unknown = { ...sample, extra: true };
  expect(verifyReceipt(signReceipt(unknown, KEY), KEY)).toMatchObject({ ok: false });
});

test("commands are told apart, short or long, list or script", () => {
  const long = "x".repeat(1_000);
  const commands = [
    { argv: ["a", "b"] },
    { argv: ["a b"] },
    { script: "a b" },
    { argv: [long] },
    { argv: [`${long}y`] },
    { script: long },
  ];
  for (const one of commands) {
    for (const other of commands)
      expect(isReceiptFor({ ...sample, command: receiptCommand(one) }, other)).toBe(one === other);
  }
  expect(signReceipt({ ...sample, command: receiptCommand({ argv: [long] }) }, KEY).length).toBeLessThan(
    1_500,
  );
});

test("a tree's digest does not depend on order, and depends on everything else", () => {
  const entry = { path: "a", mode: "100644", digest: receiptDigest("1") };
  const other = { path: "b", mode: "100644", digest: receiptDigest("2") };
  const digest = treeDigest([entry, other]);
  expect(treeDigest([other, entry])).toBe(digest);
  for (const changed of [
    { ...entry, path: "c" },
    { ...entry, mode: "100755" },
    { ...entry, digest: other.digest },
  ]) {
    expect(treeDigest([changed, other])).not.toBe(digest);
  }
  expect(treeDigest([entry])).not.toBe(digest);
});

test("the key is made once, for this user only", () => {
  const home = folder();
  const key = receiptKey(home);
  expect(key).toHaveLength(32);
  expect(receiptKey(home)).toEqual(key);
  expect(statSync(join(home, "receipt.key")).mode & 0o777).toBe(0o600);
});

test("a damaged key is refused, not replaced", () => {
  const home = folder();
  writeFileSync(join(home, "receipt.key"), "short");
  expect(() => receiptKey(home)).toThrow(/damaged/);
});

test("processes that need the key at once end with the same one", async () => {
  const home = folder();
  const script = join(home, "need.mts");
  writeFileSync(
    script,
    `import { receiptKey } from ${JSON.stringify(new URL("../../kernel/receipts.ts", import.meta.url).href)};
process.on("message", () => { process.send(Buffer.from(receiptKey(${JSON.stringify(home)})).toString("hex"), () => process.exit()); });
process.send("ready");`,
  );
  const children = Array.from({ length: 6 }, () => fork(script));
  const keys = await Promise.all(
    children.map(
      (child) =>
        new Promise<string>((resolve, reject) => {
          child.on("error", reject);
          child.on("message", (message) =>
            message === "ready" ? child.send("go") : resolve(String(message)),
          );
        }),
    ),
  );
  expect(new Set(keys).size).toBe(1);
});
