import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Backend, BackendName } from "../../../servers/sandbox/adapters/backend.ts";
import { bubblewrapBackend } from "../../../servers/sandbox/adapters/bubblewrap.ts";
import { readCounters } from "../../../servers/sandbox/adapters/docker-counters.ts";
import { dockerBackend } from "../../../servers/sandbox/adapters/docker.ts";
import { nodeImage } from "../../../servers/sandbox/adapters/node-image.ts";
import { findNpm } from "../../../servers/sandbox/adapters/npm-package.ts";
import { unisolatedBackend } from "../../../servers/sandbox/adapters/unisolated.ts";
import { requirement, type Requirement } from "../../support/skip.ts";

export interface Candidate {
  readonly name: BackendName;
  readonly need: Requirement;
  /** Opens the backend on a state folder, as another server process would. */
  open(root: string): Backend;
}

export const nonce = (): string => randomBytes(8).toString("hex");
export const runDeps = { nonce, monotonic: () => performance.now() };
export const fileDeps = { nonce, clock: () => Date.now() };

export function newRoot(): string {
  return mkdtempSync(join(tmpdir(), "slipway-sandbox-"));
}

/** Names this test process towards the Docker daemon. */
const owner = `test-${nonce()}`;

const npm = (): string | null => findNpm(process.env["PATH"] ?? "");
const BUSYBOX = ["/usr/bin/busybox", "/bin/busybox"];
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"];

/** @param counters What the host sees of the kernel's counters; a remote daemon's host sees nothing. */
export function openDocker(counters: typeof readCounters = readCounters): Backend {
  return dockerBackend({
    host: process.env["DOCKER_HOST"],
    answerMs: 30_000,
    probeMs: 30_000,
    owner: () => owner,
    boot: nonce(),
    clock: Date.now,
    nonce,
    readCounters: counters,
    image: nodeImage({ node: process.execPath, npm, nonce, busybox: BUSYBOX, setpriv: SETPRIV }),
  });
}

export function openBubblewrap(
  root: string,
  busybox: readonly string[] = BUSYBOX,
  pid: number = process.pid,
): Backend {
  return bubblewrapBackend({
    root,
    bwrap: "/usr/bin/bwrap",
    busybox,
    setpriv: SETPRIV,
    node: process.execPath,
    npm,
    python: () => null,
    uid: process.getuid?.() ?? 1_000,
    pid,
  });
}

const adapters: Readonly<Record<BackendName, (root: string) => Backend>> = {
  docker: () => openDocker(),
  bubblewrap: (root) => openBubblewrap(root),
  unisolated: (root) => unisolatedBackend({ root, path: process.env["PATH"] ?? "/usr/bin:/bin", nonce }),
};

const TITLES: Readonly<Record<BackendName, string>> = {
  docker: "Docker",
  bubblewrap: "bubblewrap",
  unisolated: "a process",
};

/** Every backend, with what this machine lacks for it. */
export async function candidates(): Promise<readonly Candidate[]> {
  return Promise.all(
    (["docker", "bubblewrap", "unisolated"] as const).map(async (name) => {
      const open = adapters[name];
      const root = newRoot();
      const probe = await open(root).probe();
      rmSync(root, { recursive: true, force: true });
      return { name, open, need: requirement(TITLES[name], probe.ok, probe.ok ? "" : probe.reason) };
    }),
  );
}
