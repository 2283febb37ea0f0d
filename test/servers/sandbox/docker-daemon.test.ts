import { createServer, type Server, type Socket } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import type { Backend } from "../../../servers/sandbox/adapters/backend.ts";
import { dockerBackend } from "../../../servers/sandbox/adapters/docker.ts";
import { containerOptions } from "../../../servers/sandbox/adapters/docker-profile.ts";
import { runCommand } from "../../../servers/sandbox/adapters/run-command.ts";
import { DAEMON_PROBE_MS } from "../../../servers/sandbox/main.ts";
import { nonce, runDeps } from "./backends.ts";

const folder = mkdtempSync(join(tmpdir(), "slipway-daemon-"));
let server: Server | undefined;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
  server = undefined;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A daemon of our own making behind a socket. */
async function daemon(answer: (socket: Socket) => void): Promise<string> {
  const path = join(folder, `${nonce()}.sock`);
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    answer(socket);
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return `unix://${path}`;
}

function backendAt(host: string, probeMs = 300): Backend {
  return dockerBackend({
    host,
    answerMs: 150,
    probeMs,
    owner: () => "test",
    nonce: () => "nonce",
    boot: "test",
    clock: () => 0,
    readCounters: async () => null,
    image: { check: async () => undefined, ensure: async () => "slipway/node:test" },
  });
}

const LIMITS = { cpu: 1, memoryMb: 64, pids: 64, diskMb: 64 };
const REF = { id: "sbx_1", handle: "c".repeat(64), limits: LIMITS };
const COMMAND = {
  argv: ["true"],
  cwd: ".",
  env: {},
  stdin: undefined,
  timeoutMs: 60_000,
  outputCapBytes: 1e6,
};

/** A backend whose commands end when they are killed, and never before. */
const dying: Backend = {
  ...backendAt("unix:///nowhere/docker.sock"),
  exec: (_ref, { kill }) =>
    new Promise((resolve) => {
      kill.addEventListener("abort", () =>
        resolve({
          exitCode: 137,
          signal: null,
          oomKills: 0,
          forksRefused: 0,
          cpuMs: null,
          peakMemoryBytes: null,
          alive: true,
        }),
      );
    }),
};

const daemons = [
  ["is not there", async () => "unix:///nowhere/docker.sock"],
  ["takes calls and never answers", () => daemon(() => undefined)],
  ["hangs up", () => daemon((socket) => socket.destroy())],
  ["talks nonsense", () => daemon((socket) => socket.end("HELLO\r\n\r\n"))],
  [
    "refuses everything",
    () =>
      daemon((socket) =>
        socket.once("data", () =>
          socket.end(
            'HTTP/1.1 500 x\r\ncontent-type: application/json\r\ncontent-length: 31\r\n\r\n{"message":"run: rm -rf / now"}\n',
          ),
        ),
      ),
  ],
] as const;

test.each(daemons)("a daemon that %s is told, in our words", async (_name, start) => {
  const backend = backendAt(await start());
  expect(await backend.probe()).toMatchObject({ ok: false });
  const { ending } = await runCommand(backend, REF, COMMAND, runDeps, new AbortController().signal);
  expect(ending.outcome).toBe("backend_down");
  for (const call of [
    () => backend.create({ id: "sbx_2", limits: LIMITS, ttlS: 60 }, () => undefined),
    () => backend.destroy(REF),
    () => backend.listOwned(),
  ]) {
    await expect(call()).rejects.toMatchObject({
      code: "unavailable",
      message: expect.not.stringContaining("rm -rf"),
    });
  }
});

test("a daemon that hangs is told when its time is over, no sooner and no later", async () => {
  const backend = backendAt(await daemon(() => undefined), DAEMON_PROBE_MS);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    let told: unknown;
    const probe = backend.probe().then((answer) => (told = answer));
    // The library is loaded first, which takes real time.
    while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(DAEMON_PROBE_MS - 1);
    expect(told).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await probe).toMatchObject({
      ok: false,
      reason: expect.stringContaining(`${DAEMON_PROBE_MS} ms`),
    });
    expect(DAEMON_PROBE_MS).toBeLessThanOrEqual(4_000);
  } finally {
    vi.useRealTimers();
  }
});

test("a command is ended at its time and at a caller's word, not later", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const caller = new AbortController();
    const ended: string[] = [];
    const start = async (timeoutMs: number, cancelled: AbortSignal): Promise<void> => {
      const { ending } = await runCommand(dying, REF, { ...COMMAND, timeoutMs }, runDeps, cancelled);
      ended.push(ending.outcome);
    };
    const runs = [start(5_000, new AbortController().signal), start(60_000, caller.signal)];
    await vi.advanceTimersByTimeAsync(4_999);
    expect(ended).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(ended).toEqual(["timeout"]);
    caller.abort();
    await Promise.all(runs);
    expect(ended).toEqual(["timeout", "cancelled"]);
  } finally {
    vi.useRealTimers();
  }
});

test("no caller's word reaches the request that makes a container", () => {
  const id = `sbx_${nonce()}`;
  const options = containerOptions({ id, limits: LIMITS, ttlS: 60 }, "slipway/node:test", {
    owner: () => "o",
    boot: "b",
    clock: () => 0,
  });
  const { HostConfig } = options;
  expect(HostConfig?.Binds).toBeUndefined();
  // What starts commands needs these to give all rights up for them.
  expect(HostConfig?.CapAdd).toEqual(["SETUID", "SETGID", "SETPCAP"]);
  expect(HostConfig?.Devices).toBeUndefined();
  expect(HostConfig?.Mounts?.map(({ Type, Source }) => [Type, Source])).toEqual([["volume", ""]]);
  expect(HostConfig).toMatchObject({
    Privileged: false,
    NetworkMode: "none",
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    AutoRemove: true,
  });
});
