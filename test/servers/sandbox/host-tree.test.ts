import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readHostTree } from "../../../servers/sandbox/adapters/host-tree.ts";

const LIMITS = { maxBytes: 10_000, maxEntries: 20, maxFileBytes: 10_000 };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "slipway-host-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("a folder comes in with its files, folders and inner links, without git's own", async () => {
  mkdirSync(join(root, "src", "empty"), { recursive: true });
  mkdirSync(join(root, "sub", ".git"), { recursive: true });
  writeFileSync(join(root, "sub", ".git", "config"), "x");
  writeFileSync(join(root, ".git"), "gitdir: elsewhere");
  writeFileSync(join(root, ".hidden"), "h");
  writeFileSync(join(root, "src", "a"), Uint8Array.of(0, 255));
  writeFileSync(join(root, "run"), "#!/bin/sh\n");
  chmodSync(join(root, "run"), 0o700);
  chmodSync(join(root, ".hidden"), 0o600);
  symlinkSync("../run", join(root, "src", "link"));
  const { entries, skipped, bytes } = await readHostTree(root, LIMITS);
  expect(entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    { kind: "file", path: ".hidden", mode: 0o644, content: Buffer.from("h") },
    { kind: "file", path: "run", mode: 0o755, content: Buffer.from("#!/bin/sh\n") },
    { kind: "folder", path: "src", mode: 0o755 },
    { kind: "file", path: "src/a", mode: 0o644, content: Buffer.from([0, 255]) },
    { kind: "folder", path: "src/empty", mode: 0o755 },
    { kind: "link", path: "src/link", target: "../run" },
    { kind: "folder", path: "sub", mode: 0o755 },
  ]);
  expect([skipped, bytes]).toEqual([[], 13]);
});

test("links outside, pipes, sockets and unspeakable names are named, not followed and not waited for", async () => {
  symlinkSync("/etc/passwd", join(root, "absolute"));
  symlinkSync("../../etc", join(root, "up"));
  execFileSync("/bin/sh", ["-c", `mkfifo "$1"`, "sh", join(root, "pipe")]);
  writeFileSync(join(root, "line\nbreak"), "x");
  writeFileSync(join(root, "back\\slash"), "x");
  const server = createServer().listen(join(root, "socket"));
  await new Promise((resolve) => server.once("listening", resolve));
  const { entries, skipped } = await readHostTree(root, LIMITS);
  server.close();
  expect(entries).toEqual([]);
  expect(skipped.map(({ path }) => path).toSorted()).toEqual([
    "absolute",
    "back\\slash",
    "line\nbreak",
    "pipe",
    "socket",
    "up",
  ]);
});

test("too many files, too many bytes, and a file for a folder are refused", async () => {
  writeFileSync(join(root, "big"), "x".repeat(10_001));
  await expect(readHostTree(root, LIMITS)).rejects.toMatchObject({ code: "limit" });
  await expect(readHostTree(join(root, "big"), LIMITS)).rejects.toMatchObject({ code: "invalid" });
  rmSync(join(root, "big"));
  for (let index = 0; index <= 20; index += 1) writeFileSync(join(root, `f${index}`), "");
  await expect(readHostTree(root, LIMITS)).rejects.toMatchObject({ code: "limit" });
});
