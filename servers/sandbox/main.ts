import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { systemClock } from "../../kernel/clock.ts";
import type { ServerSources } from "../../kernel/config.ts";
import { idSource } from "../../kernel/ids.ts";
import { openJobs } from "../../kernel/jobs.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { receiptKey } from "../../kernel/receipts.ts";
import { openRoots } from "../../kernel/roots.ts";
import { bubblewrapBackend } from "./adapters/bubblewrap.ts";
import { openBackends, type Backends } from "./adapters/choose.ts";
import { readCounters } from "./adapters/docker-counters.ts";
import { dockerBackend } from "./adapters/docker.ts";
import { nodeImage } from "./adapters/node-image.ts";
import { findPython } from "./adapters/host-python.ts";
import { findNpm } from "./adapters/npm-package.ts";
import { unisolatedBackend } from "./adapters/unisolated.ts";
import type { SandboxDeps } from "./deps.ts";
import { readSandboxConfig, type SandboxConfig } from "./config.ts";
import { createSandboxServer } from "./server.ts";
import { openSandboxStore } from "./store/sqlite.ts";
import { sweepExpired, sweepOrphans } from "./tools/lifecycle.ts";
import { openLiveLogs } from "./adapters/live-log.ts";
import { newTally } from "./domain/tally.ts";
import { sweepSnapshots } from "./tools/snapshots.ts";

/** Opens the sandbox server of a state folder. Backends are looked for when the first sandbox is made. */
export async function openSandbox(sources: ServerSources): Promise<ToolServer> {
  const config = readSandboxConfig(sources);
  const nonce = (): string => randomBytes(8).toString("hex");
  let key: Uint8Array | undefined;
  const keyOf = (): Uint8Array => (key ??= receiptKey(config.home));
  let swept: Promise<void> | undefined;
  const deps: SandboxDeps = {
    store: openSandboxStore(config.database, systemClock),
    backends: backendsOf(config, nonce, keyOf),
    jobs: openJobs(),
    logs: openLiveLogs(),
    busy: newTally(),
    clock: systemClock,
    monotonic: () => performance.now(),
    newId: idSource(systemClock),
    nonce,
    roots: () => openRoots([...config.roots, ...[config.worktrees].filter((folder) => existsSync(folder))]),
    folder: config.folder,
    patches: { path: config.path, scratch: config.scratch },
    receiptKey: keyOf,
    async sweep(writer) {
      await sweepExpired(deps, writer);
      await sweepSnapshots(deps, writer);
      await (swept ??= sweepOrphans(deps).catch((error: unknown) => {
        // Left for the next sandbox: what was left behind harms nobody meanwhile.
        swept = undefined;
        sources.log("warn", "left-over sandboxes could not be looked for", { error: String(error) });
      }));
    },
    hosts: config.hosts,
    maxSandboxes: config.maxSandboxes,
    outputCapBytes: config.outputCapBytes,
    log: sources.log,
  };
  return createSandboxServer(deps);
}

/** How long a Docker daemon may take to say that it is there, before the next backend is taken or a person is told. */
export const DAEMON_PROBE_MS = 2_000;

/** The backends of a configuration; the key names the containers' owner. */
export function backendsOf(config: SandboxConfig, nonce: () => string, keyOf: () => Uint8Array): Backends {
  const node = process.execPath;
  const npm = (): string | null => findNpm(config.path);
  let found: { readonly python: string | null } | undefined;
  const python = (): string | null => (found ??= { python: findPython(config.path) }).python;
  // Two state folders never take each other's containers for their own, wherever the daemon is.
  const owner = (): string => createHash("sha256").update("owner").update(keyOf()).digest("hex").slice(0, 16);
  return openBackends(
    {
      docker: dockerBackend({
        host: config.dockerHost,
        answerMs: 10_000,
        probeMs: DAEMON_PROBE_MS,
        owner,
        boot: nonce(),
        clock: systemClock,
        image: nodeImage({ node, npm, nonce, busybox: config.busybox, setpriv: config.setpriv }),
        nonce,
        readCounters,
      }),
      bubblewrap: bubblewrapBackend({
        root: config.folder,
        bwrap: config.bwrap,
        busybox: config.busybox,
        setpriv: config.setpriv,
        node,
        npm,
        python,
        uid: process.getuid?.() ?? 1_000,
        pid: process.pid,
      }),
      ...(config.allowUnisolated
        ? { unisolated: unisolatedBackend({ root: config.folder, path: config.path, nonce }) }
        : {}),
    },
    () => performance.now(),
  );
}
