import type Docker from "dockerode";
import { DomainError } from "../../../kernel/errors.ts";
import type { Backend, ExecEnd, SandboxRef } from "./backend.ts";
import {
  dockerClient,
  dockerError,
  dockerStatus,
  noDaemon,
  within,
  type DockerHost,
} from "./docker-client.ts";
import { member, type Counters } from "./docker-counters.ts";
import { execIn, isRunning, killAll, pause } from "./docker-exec.ts";
import { containerOptions, IDLE_PIDS, LABEL, LAYOUT, nameOf, type Provenance } from "./docker-profile.ts";
import { openRunners } from "./docker-runners.ts";
import type { NodeImage } from "./node-image.ts";

export interface DockerSettings extends Provenance {
  /** How long the daemon may take to answer; five times as long to start a container. */
  readonly answerMs: number;
  /** The same for the first question, whether it is there at all: a person waits for the next backend. */
  readonly probeMs: number;
  readonly host: DockerHost;
  readonly image: NodeImage;
  /** An unguessable word. */
  readonly nonce: () => string;
  /** What the kernel counted for a container; null where that is out of reach. */
  readonly readCounters: (containerId: string) => Promise<Counters | null>;
}

/** Containers of the Docker daemon, under a profile without network, privileges or a writable root. */
export function dockerBackend(settings: DockerSettings): Backend {
  const { answerMs } = settings;
  let client: Promise<Docker> | undefined;
  const docker = (): Promise<Docker> => {
    const connected = (client ??= dockerClient(settings.host));
    // A failure is not remembered: the daemon may be started while the server runs.
    connected.catch(() => (client = undefined));
    return connected;
  };
  const runners = openRunners(settings.nonce, answerMs);
  const running = new Map<string, number>();
  const clearing = new Map<string, Promise<unknown>>();
  const oomKills = new Map<string, number>();
  /** Whose end is asked for: what dies in them from then on dies of that. An id is never used again, so it stays. */
  const ending = new Set<string>();
  /** Out of reach from here, the container still sees its own counter of kills for memory. */
  const newOomKills = async (container: Docker.Container, { handle }: SandboxRef): Promise<number> => {
    const chunks: Uint8Array[] = [];
    await execIn(
      container,
      await runners.of(container),
      {
        argv: ["/bin/sh", "-c", `cat ${OOM_FILES.join(" ")} 2>/dev/null`],
        env: {},
        stdin: undefined,
        kill: AbortSignal.timeout(answerMs),
        onOutput: (_stream, chunk) => void chunks.push(chunk),
      },
      answerMs,
    );
    const now = member(Buffer.concat(chunks).toString("latin1"), "oom_kill");
    const known = oomKills.get(handle) ?? 0;
    oomKills.set(handle, now);
    return now - known;
  };

  /** Whether nothing is left but what holds the container open. The program that just ended may still be counted once. */
  const isIdle = async (id: string, idlePids: number): Promise<boolean> => {
    for (const wait of [0, 2, 8]) {
      await pause(wait);
      const counters = await settings.readCounters(id);
      if (counters === null) return false;
      if (counters.pids <= idlePids) return true;
    }
    return false;
  };

  const leave = (handle: string): void => {
    const left = (running.get(handle) ?? 1) - 1;
    if (left === 0) running.delete(handle);
    else running.set(handle, left);
  };
  /** Ends what a command left behind, unless another one runs. Returns whether the container still runs. */
  const clear = (container: Docker.Container, isUp: boolean): Promise<boolean> => {
    const work = async (): Promise<boolean> => {
      // A runner that answers is in a container that runs.
      if (!isUp && !(await isRunning(container, answerMs))) return false;
      if (running.has(container.id) || (await isIdle(container.id, IDLE_PIDS + (isUp ? 1 : 0)))) return true;
      await killAll(container, answerMs);
      return true;
    };
    // The next command waits, or it would be taken for what was left behind.
    const cleared = work().finally(() => void clearing.delete(container.id));
    clearing.set(
      container.id,
      cleared.catch(() => undefined),
    );
    return cleared;
  };

  return {
    name: "docker",
    isolation: "container",
    async probe() {
      try {
        const api = await docker();
        await within(settings.probeMs, api.ping());
        await settings.image.check();
        return { ok: true };
      } catch (error) {
        const { message, hint } = error instanceof DomainError ? error : noDaemon(error);
        return { ok: false, reason: message, hint: hint ?? "" };
      }
    },
    async create(spec, progress) {
      const api = await docker();
      let container: Docker.Container | undefined;
      try {
        const image = await settings.image.ensure(api, progress);
        container = await within(answerMs * 5, api.createContainer(containerOptions(spec, image, settings)));
        await within(answerMs * 5, container.start());
        return { id: spec.id, handle: container.id, limits: spec.limits };
      } catch (error) {
        await container?.remove({ force: true, v: true }).catch(() => undefined);
        const known = dockerError(error, spec.id);
        // A refusal to create tells of the daemon, not of a sandbox that is gone.
        throw known instanceof DomainError && known.code === "not_found"
          ? new DomainError("unavailable", "the Docker daemon could not start a container", {
              hint: "see the daemon's log for the reason",
              cause: error,
            })
          : known;
      }
    },
    layout: () => LAYOUT,
    async exec(ref, request) {
      await clearing.get(ref.handle);
      running.set(ref.handle, (running.get(ref.handle) ?? 0) + 1);
      try {
        const container = (await docker()).getContainer(ref.handle);
        const runner = await runners.of(container);
        const before = await settings.readCounters(ref.handle);
        const exitCode = await execIn(container, runner, request, answerMs).finally(() => leave(ref.handle));
        const alive =
          exitCode !== null && !ending.has(ref.handle) && (await clear(container, runner?.state === "idle"));
        const after = await settings.readCounters(ref.handle);
        const counted =
          before !== null && after !== null
            ? difference(before, after)
            : { ...UNCOUNTED, oomKills: exitCode === 0 || !alive ? 0 : await newOomKills(container, ref) };
        return { ...counted, exitCode, signal: null, alive };
      } catch (error) {
        throw dockerError(error, ref.id);
      }
    },
    async isAlive(ref) {
      return isRunning((await docker()).getContainer(ref.handle), answerMs);
    },
    async destroy(ref) {
      try {
        const container = (await docker()).getContainer(ref.handle === "" ? nameOf(ref.id) : ref.handle);
        const { Config, Id } = await within(answerMs, container.inspect());
        if (Config.Labels[LABEL.owner] !== settings.owner() || Config.Labels[LABEL.sandbox] !== ref.id)
          return;
        ending.add(Id);
        await within(answerMs * 5, container.remove({ force: true, v: true })).catch((error: unknown) => {
          // Another removal goes on, perhaps the container's own; it is not over because this call is.
          if (dockerStatus(error) !== 409) ending.delete(Id);
          throw error;
        });
        oomKills.delete(ref.handle);
        runners.forget(ref.handle);
      } catch (error) {
        // 404: gone. 409: another call is removing it.
        const status = dockerStatus(error);
        if (status !== 404 && status !== 409) throw dockerError(error, ref.id);
      }
    },
    async listOwned() {
      try {
        const filters = { label: [`${LABEL.owner}=${settings.owner()}`] };
        const list = await within(answerMs, (await docker()).listContainers({ all: true, filters }));
        return list.map((entry) => ({ id: entry.Labels[LABEL.sandbox] ?? "", handle: entry.Id }));
      } catch (error) {
        throw dockerError(error, "");
      }
    },
  };
}

type Counted = Pick<ExecEnd, "oomKills" | "forksRefused" | "cpuMs" | "peakMemoryBytes">;

const UNCOUNTED: Counted = { oomKills: 0, forksRefused: 0, cpuMs: null, peakMemoryBytes: null };

/** Where a container finds its own counter, under cgroup v1 and v2. */
const OOM_FILES = ["/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"];

function difference(before: Counters, after: Counters): Counted {
  return {
    oomKills: after.oomKills - before.oomKills,
    forksRefused: after.forksRefused - before.forksRefused,
    cpuMs: Math.round(after.cpuMs - before.cpuMs),
    // The group's peak is that of its whole life; the reporter knows the command's own.
    peakMemoryBytes: null,
  };
}
