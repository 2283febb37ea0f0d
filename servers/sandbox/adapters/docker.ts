import type Docker from "dockerode";
import { toIso, type Clock } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { TMP_MB } from "../domain/limits.ts";
import { WORKSPACE } from "../domain/workspace-path.ts";
import type { Backend, ExecEnd, ExecRequest, Layout, SandboxSpec } from "./backend.ts";
import { dockerClient, dockerError, dockerStatus, type DockerHost } from "./docker-client.ts";
import { member, readCounters, type Counters } from "./docker-counters.ts";
import { frameReader } from "./docker-frames.ts";
import type { NodeImage } from "./node-image.ts";

export interface DockerSettings {
  readonly host: DockerHost;
  /** Names the state folder: containers with another owner are never touched. */
  readonly owner: () => string;
  /** Names this run of the server. */
  readonly boot: string;
  readonly clock: Clock;
  readonly image: NodeImage;
}

const USER = "1000:1000";
const LABEL = {
  sandbox: "slipway.sandbox",
  owner: "slipway.owner",
  boot: "slipway.boot",
  expires: "slipway.expires",
} as const;
const PROBE_MS = 2_000;
const MB = 1_048_576;
/** The init process and the sleeper that holds the container open. */
const IDLE_PIDS = 2;

/** Containers of the Docker daemon, under a profile without network, privileges or a writable root. */
export function dockerBackend(settings: DockerSettings): Backend {
  let client: Promise<Docker> | undefined;
  const docker = (): Promise<Docker> => (client ??= dockerClient(settings.host));
  const running = new Map<string, number>();

  return {
    name: "docker",
    isolation: "container",
    async probe() {
      let timer: NodeJS.Timeout | undefined;
      try {
        const api = await docker();
        const late = new Promise<never>((_resolve, reject) => {
          timer = setTimeout(() => reject(new Error("late")), PROBE_MS);
        });
        await Promise.race([api.ping(), late]);
        clearTimeout(timer);
        await settings.image.check();
        return { ok: true };
      } catch (error) {
        if (error instanceof DomainError) return { ok: false, reason: error.message, hint: error.hint ?? "" };
        return {
          ok: false,
          reason: "no Docker daemon answers",
          hint: "install docker.io, start the daemon, and let this user reach its socket",
        };
      } finally {
        clearTimeout(timer);
      }
    },
    async create(spec, progress) {
      const api = await docker();
      let container: Docker.Container | undefined;
      try {
        const image = await settings.image.ensure(api, progress);
        container = await api.createContainer(containerOptions(spec, image, settings));
        await container.start();
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
      running.set(ref.handle, (running.get(ref.handle) ?? 0) + 1);
      const leave = (): number => {
        const left = (running.get(ref.handle) ?? 1) - 1;
        if (left === 0) running.delete(ref.handle);
        else running.set(ref.handle, left);
        return left;
      };
      let left: number | undefined;
      try {
        const container = (await docker()).getContainer(ref.handle);
        const before = await readCounters(ref.handle);
        const exitCode = await execOnce(container, request);
        left = leave();
        const alive = exitCode !== null && (await isRunning(container));
        if (left === 0 && alive && !(await isIdle(ref.handle))) await killAll(container);
        return {
          ...(await usage(container, before, await readCounters(ref.handle), exitCode, alive)),
          exitCode,
          signal: null,
          alive,
        };
      } catch (error) {
        throw dockerError(error, ref.id);
      } finally {
        if (left === undefined) leave();
      }
    },
    async isAlive(ref) {
      return isRunning((await docker()).getContainer(ref.handle));
    },
    async destroy(ref) {
      try {
        const container = (await docker()).getContainer(ref.handle === "" ? nameOf(ref.id) : ref.handle);
        const { Config } = await container.inspect();
        if (Config.Labels[LABEL.owner] !== settings.owner() || Config.Labels[LABEL.sandbox] !== ref.id)
          return;
        await container.remove({ force: true, v: true });
      } catch (error) {
        // 404: gone. 409: another call is removing it.
        const status = dockerStatus(error);
        if (status !== 404 && status !== 409) throw dockerError(error, ref.id);
      }
    },
    async listOwned() {
      try {
        const list = await (
          await docker()
        ).listContainers({ all: true, filters: { label: [`${LABEL.owner}=${settings.owner()}`] } });
        return list.map((entry) => ({ id: entry.Labels[LABEL.sandbox] ?? "", handle: entry.Id }));
      } catch (error) {
        throw dockerError(error, "");
      }
    },
  };
}

const LAYOUT: Layout = {
  workspace: WORKSPACE,
  env: {
    PATH: "/bin",
    HOME: WORKSPACE,
    TMPDIR: "/tmp",
    LANG: "C.UTF-8",
    CI: "1",
    npm_config_cache: "/tmp/.npm",
  },
  reporter: ["/bin/busybox", "time", "-f"],
};

function nameOf(id: string): string {
  return `slipway-${id}`;
}

function containerOptions(
  spec: SandboxSpec,
  image: string,
  settings: DockerSettings,
): Docker.ContainerCreateOptions {
  const { limits } = spec;
  // Pages of the workspace and of /tmp are charged to the container, so filling them must not look like a full memory.
  const memory = (limits.memoryMb + limits.diskMb + TMP_MB) * MB;
  const labels = {
    [LABEL.sandbox]: spec.id,
    [LABEL.owner]: settings.owner(),
    [LABEL.boot]: settings.boot,
    [LABEL.expires]: toIso(settings.clock() + spec.ttlS * 1_000),
  };
  return {
    name: nameOf(spec.id),
    Image: image,
    // The sleeper is root without capabilities: commands run as another user and cannot signal it. When it wakes,
    // the container ends and takes its volume with it, whatever became of this server.
    User: "0:0",
    Cmd: ["/bin/sleep", String(spec.ttlS)],
    Hostname: "sandbox",
    WorkingDir: WORKSPACE,
    Env: Object.entries(LAYOUT.env).map(([name, value]) => `${name}=${value}`),
    Labels: labels,
    HostConfig: {
      NetworkMode: "none",
      ReadonlyRootfs: true,
      Privileged: false,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      Init: true,
      AutoRemove: true,
      PidsLimit: limits.pids,
      Memory: memory,
      MemorySwap: memory,
      NanoCpus: Math.round(limits.cpu * 1e9),
      OomScoreAdj: 500,
      IpcMode: "private",
      Ulimits: [
        { Name: "nofile", Soft: 1_024, Hard: 1_024 },
        { Name: "core", Soft: 0, Hard: 0 },
        { Name: "fsize", Soft: 1_024 * MB, Hard: 1_024 * MB },
      ],
      Tmpfs: { "/tmp": `rw,exec,nosuid,nodev,size=${TMP_MB}m,mode=1777` },
      Mounts: [
        {
          Type: "volume",
          // Without a name the volume belongs to the container and is removed with it.
          Source: "",
          Target: WORKSPACE,
          VolumeOptions: {
            NoCopy: true,
            Labels: labels,
            DriverConfig: {
              Name: "local",
              Options: {
                type: "tmpfs",
                device: "tmpfs",
                o: `size=${limits.diskMb}m,uid=1000,gid=1000,mode=700,nosuid,nodev`,
              },
            },
          },
        },
      ],
      LogConfig: { Type: "none", Config: {} },
      RestartPolicy: { Name: "no" },
      ShmSize: 16 * MB,
    },
  };
}

/** Runs one program as the sandbox's user. Returns its exit code, or null when the container ended under it. */
async function execOnce(container: Docker.Container, request: ExecRequest): Promise<number | null> {
  const exec = await container.exec({
    Cmd: [...request.argv],
    Env: Object.entries(request.env).map(([name, value]) => `${name}=${value}`),
    User: USER,
    WorkingDir: WORKSPACE,
    AttachStdin: request.stdin !== undefined,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: request.stdin !== undefined });
  const ended = new Promise<void>((resolve) => {
    stream.once("end", resolve);
    stream.once("close", resolve);
    stream.once("error", () => resolve());
  });
  stream.on("data", frameReader(request.onOutput));
  if (request.stdin !== undefined) stream.end(request.stdin);
  const isDone = async (): Promise<boolean> => !(await exec.inspect()).Running;
  const over = new AbortController();
  const kill = (): void => void killUntilOver(container, ended);
  if (request.kill.aborted) kill();
  request.kill.addEventListener("abort", kill, { once: true });
  try {
    // A child left behind can hold the stream open after the program has ended.
    await Promise.race([ended, endsBehindOpenStream(isDone, over.signal)]);
    for (let wait = 1; !(await isDone()); wait = Math.min(wait * 2, 100)) await pause(wait);
    return (await exec.inspect()).ExitCode;
  } catch (error) {
    // With the container goes what is known of its programs.
    if (dockerStatus(error) === 404) return null;
    throw error;
  } finally {
    over.abort();
    request.kill.removeEventListener("abort", kill);
    stream.destroy();
  }
}

async function endsBehindOpenStream(isDone: () => Promise<boolean>, over: AbortSignal): Promise<void> {
  for (let wait = 250; !over.aborted; wait = Math.min(wait * 2, 2_000)) {
    await pause(wait);
    if (over.aborted || (await isDone())) break;
  }
  // What was written before the end is still on its way.
  if (!over.aborted) await pause(100);
}

const KILL_ROUNDS = 5;

async function killUntilOver(container: Docker.Container, ended: Promise<void>): Promise<void> {
  for (let round = 0; round < KILL_ROUNDS; round += 1) {
    await killAll(container).catch(() => undefined);
    const isOver = await Promise.race([ended.then(() => true), pause(1_000).then(() => false)]);
    if (isOver) return;
  }
  // Nothing inside answers any more: the sandbox is lost, but nothing keeps running.
  await container.kill().catch(() => undefined);
}

/** Ends every process of the sandbox's user from inside; the sleeper belongs to another user and stays. */
async function killAll(container: Docker.Container): Promise<void> {
  const exec = await container.exec({
    Cmd: ["/bin/sh", "-c", "kill -9 -1"],
    User: USER,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true });
  await new Promise<void>((resolve) => {
    stream.once("end", resolve);
    stream.once("close", resolve);
    stream.once("error", () => resolve());
    stream.resume();
  });
}

async function isRunning(container: Docker.Container): Promise<boolean> {
  try {
    return (await container.inspect()).State.Running;
  } catch (error) {
    if (dockerStatus(error) === 404) return false;
    throw error;
  }
}

/** Whether nothing is left but what holds the container open. The program that just ended may still be counted once. */
async function isIdle(id: string): Promise<boolean> {
  for (const wait of [0, 2, 8]) {
    await pause(wait);
    const counters = await readCounters(id);
    if (counters === null) return false;
    if (counters.pids <= IDLE_PIDS) return true;
  }
  return false;
}

async function usage(
  container: Docker.Container,
  before: Counters | null,
  after: Counters | null,
  exitCode: number | null,
  alive: boolean,
): Promise<Pick<ExecEnd, "oomKills" | "forksRefused" | "cpuMs" | "peakMemoryBytes">> {
  if (before !== null && after !== null) {
    return {
      oomKills: after.oomKills - before.oomKills,
      forksRefused: after.forksRefused - before.forksRefused,
      cpuMs: Math.round(after.cpuMs - before.cpuMs),
      peakMemoryBytes: null,
    };
  }
  const unknown = { oomKills: 0, forksRefused: 0, cpuMs: null, peakMemoryBytes: null };
  if (exitCode === 0 || !alive || before !== null) return unknown;
  // Out of reach from here, the container still sees its own counters. A kill by the kernel earlier in the life of
  // this sandbox counts again: memory that ran out once is worth naming.
  const chunks: Uint8Array[] = [];
  await execOnce(container, {
    argv: [
      "/bin/sh",
      "-c",
      "cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events 2>/dev/null",
    ],
    env: {},
    stdin: undefined,
    kill: AbortSignal.timeout(PROBE_MS),
    onOutput: (_stream, chunk) => void chunks.push(chunk),
  });
  return {
    ...unknown,
    oomKills:
      exitCode !== null && exitCode > 128 ? member(Buffer.concat(chunks).toString("latin1"), "oom_kill") : 0,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
