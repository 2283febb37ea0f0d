import fc from "fast-check";
import { pack, type Header } from "tar-stream";
import { expect, test } from "vitest";
import {
  readArchive,
  writeArchive,
  type Entry,
  type ReadEntry,
} from "../../../servers/sandbox/adapters/archive.ts";
import { frameReader } from "../../../servers/sandbox/adapters/docker-frames.ts";
import { launchArgv, readReport } from "../../../servers/sandbox/adapters/launch.ts";

const LIMITS = { maxBytes: 1e6, maxEntries: 50, maxFileBytes: 1e5 };

async function archive(
  entries: readonly (Partial<Header> & { name: string; content?: string })[],
): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of entries) tar.entry(header, content ?? "");
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function read(bytes: Buffer, limits = LIMITS): Promise<{ entries: ReadEntry[]; skipped: string[] }> {
  const entries: ReadEntry[] = [];
  const reader = await readArchive(limits, (entry) => entries.push(entry));
  for (let at = 0; at < bytes.length; at += 700) if (!reader.push(bytes.subarray(at, at + 700))) break;
  const { skipped } = await reader.finish();
  return { entries, skipped: skipped.map(({ path }) => path) };
}

test("what is written is read back", async () => {
  const entries: Entry[] = [
    { kind: "folder", path: "d", mode: 0o755 },
    { kind: "file", path: "d/-x", mode: 0o755, content: Buffer.from([0, 255]) },
    {
      kind: "file",
      path: "long/".concat("n".repeat(200)),
      mode: 0o644,
      content: Buffer.from("x".repeat(5_000)),
    },
    { kind: "file", path: "ünï 'q\" ", mode: 0o600, content: Buffer.alloc(0) },
    { kind: "link", path: "l", target: "d/-x" },
  ];
  expect((await read(await writeArchive(entries, new Date(0)))).entries).toEqual(entries);
});

test("neither owners nor special bits can be written", async () => {
  const bytes = await writeArchive(
    [{ kind: "file", path: "s", mode: 0o7777, content: Buffer.from("x") }],
    new Date(0),
  );
  expect(bytes.subarray(100, 124).toString("latin1").replaceAll("\0", " ")).toMatch(/^0*777 +0*0 +0*0 +$/);
});

test("hostile entries are skipped or refused, never handed on", async () => {
  const { entries, skipped } = await read(
    await archive([
      { name: "../up", content: "x" },
      { name: "/etc/passwd", content: "x" },
      { name: "a/../../up", content: "x" },
      { name: "fifo", type: "fifo" },
      { name: "null", type: "character-device", devmajor: 1, devminor: 3 },
      { name: "disk", type: "block-device", devmajor: 8, devminor: 0 },
      { name: "out", type: "symlink", linkname: "/etc/shadow" },
      { name: "up", type: "symlink", linkname: "../../x" },
      { name: "hard", type: "link", linkname: "/etc/shadow" },
      { name: "big", content: "x".repeat(100_001) },
      { name: "suid", mode: 0o4755, content: "x" },
    ]),
  );
  expect(entries).toEqual([{ kind: "file", path: "suid", mode: 0o755, content: Buffer.from("x") }]);
  expect(skipped).toHaveLength(10);
});

test("too many, too much, and broken are refused", async () => {
  const many = await archive(Array.from({ length: 51 }, (_, index) => ({ name: `f${index}`, content: "x" })));
  await expect(read(many)).rejects.toMatchObject({ code: "limit" });
  await expect(
    read(await archive([{ name: "a", content: "x".repeat(90_000) }]), { ...LIMITS, maxBytes: 50_000 }),
  ).rejects.toMatchObject({ code: "limit" });
  await expect(read(Buffer.alloc(5_000, "not a tar "))).rejects.toMatchObject({ code: "invalid_state" });
  const cut = await archive([{ name: "a", content: "x".repeat(3_000) }]);
  await expect(read(cut.subarray(0, 1_200))).rejects.toMatchObject({ code: "invalid_state" });
});

test("Docker's frames come apart however they are cut", () => {
  const frame = fc.record({ stream: fc.constantFrom(1, 2), content: fc.uint8Array({ maxLength: 30 }) });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.integer({ min: 1, max: 17 }), (frames, size) => {
      const wire = Buffer.concat(
        frames.flatMap(({ stream, content }) => {
          const header = Buffer.alloc(8);
          header[0] = stream;
          header.writeUInt32BE(content.length, 4);
          return [header, content];
        }),
      );
      const got = { stdout: new Array<Uint8Array>(), stderr: new Array<Uint8Array>() };
      const push = frameReader((stream, chunk) => void got[stream].push(chunk));
      for (let at = 0; at < wire.length; at += size) push(wire.subarray(at, at + size));
      for (const [name, number] of [
        ["stdout", 1],
        ["stderr", 2],
      ] as const) {
        const sent = Buffer.concat(
          frames.filter(({ stream }) => stream === number).map(({ content }) => content),
        );
        expect(Buffer.concat(got[name]).equals(sent)).toBe(true);
      }
    }),
  );
});

test("the launcher's words are taken out of stderr, the program's own stay", () => {
  const nonce = "0123456789abcdef";
  const report = readReport(
    Buffer.from(`oops\xff\nCommand terminated by signal 9\n${nonce} time 0.10 0.05 4096\n`, "latin1"),
    nonce,
    9,
    true,
  );
  expect(report).toEqual({
    launch: "started",
    signal: "SIGKILL",
    cpuMs: 150,
    peakMemoryBytes: 1_048_576,
    stderr: Buffer.from("oops\xff\n", "latin1"),
  });
  expect(readReport(Buffer.from(`x${nonce} bad_cwd\n`), nonce, 126, false)).toMatchObject({
    launch: "bad_cwd",
    stderr: Buffer.from("x"),
  });
  const forged = Buffer.from("ffffffffffffffff bad_cwd\nCommand terminated by signal 9\n");
  expect(readReport(forged, nonce, 0, false)).toMatchObject({
    launch: "started",
    signal: null,
    stderr: forged,
  });
  expect(readReport(Buffer.alloc(0), nonce, 137, true).signal).toBe("SIGKILL");
});

test("a command is handed to the launcher as it is", () => {
  const layout = { workspace: "/workspace", env: {}, reporter: ["time"] };
  expect(launchArgv(layout, "n", "a b", ["echo", "$(x)", "-n"]).slice(-3)).toEqual(["echo", "$(x)", "-n"]);
});
