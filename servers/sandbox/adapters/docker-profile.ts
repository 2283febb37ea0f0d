import type Docker from "dockerode";
import { toIso, type Clock } from "../../../kernel/clock.ts";
import { KEEPER, TMP_MB } from "../domain/limits.ts";
import { WORKSPACE } from "../domain/workspace-path.ts";
import type { Layout, SandboxSpec } from "./backend.ts";
import { NPM_ENV } from "./npm-package.ts";

/** What our containers are known by. None without our owner label is ever touched. */
export const LABEL = {
  sandbox: "slipway.sandbox",
  owner: "slipway.owner",
  boot: "slipway.boot",
  expires: "slipway.expires",
} as const;

/**
 * Who holds the container open and starts commands: root of no rights but to become another user and to give up what
 * it could still gain. Commands run as user 1000, with nothing, and can neither signal nor look into it.
 */
export const KEEPER_USER = "0:0";
export const COMMAND_USER = "1000:1000";
const KEEPER_CAPABILITIES = ["SETUID", "SETGID", "SETPCAP"];

/** The init process and the sleeper that holds the container open. */
export const IDLE_PIDS = 2;

// What runs short of memory is taken before what starts it. Only the command's own user may enter the workspace.
const START = `echo 1000 > /proc/self/oom_score_adj; cd ${WORKSPACE} && exec "$@"`;

/**
 * The command line that starts `argv` in the workspace as the sandbox's user, when the keeper runs it. The variables
 * are set by a static program once all rights are gone: they may name libraries to load.
 */
export function asUser(argv: readonly string[], env: Readonly<Record<string, string>>): readonly string[] {
  return [
    ...["/bin/setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--inh-caps=-all"],
    ...["--bounding-set=-all", "--", "/bin/busybox", "env"],
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...["/bin/sh", "-c", START, "sh", ...argv],
  ];
}

const MB = 1_048_576;

/** Empty files take memory too. Real trees hold fewer: a large node_modules about 200 a MB. */
const INODES_PER_MB = 400;

export interface Provenance {
  /** Names the state folder. */
  readonly owner: () => string;
  /** Names this run of the server. */
  readonly boot: string;
  readonly clock: Clock;
}

export const LAYOUT: Layout = {
  workspace: WORKSPACE,
  env: {
    PATH: "/bin",
    HOME: WORKSPACE,
    TMPDIR: "/tmp",
    LANG: "C.UTF-8",
    CI: "1",
    ...NPM_ENV,
  },
  reporter: ["/bin/busybox", "time", "-f"],
};

export function nameOf(id: string): string {
  return `slipway-${id}`;
}

/** The whole body of the request that makes a container. No caller's word gets into it but numbers. */
export function containerOptions(
  spec: SandboxSpec,
  image: string,
  { owner, boot, clock }: Provenance,
): Docker.ContainerCreateOptions {
  const { limits } = spec;
  // Pages of the workspace and of /tmp are charged to the container, so filling them must not look like a full memory.
  const memory = (limits.memoryMb + limits.diskMb + TMP_MB + KEEPER.memoryMb) * MB;
  const labels = {
    [LABEL.sandbox]: spec.id,
    [LABEL.owner]: owner(),
    [LABEL.boot]: boot,
    [LABEL.expires]: toIso(clock() + spec.ttlS * 1_000),
  };
  return {
    name: nameOf(spec.id),
    Image: image,
    // When the sleeper wakes, the container ends and takes its volume with it, whatever became of this server.
    User: KEEPER_USER,
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
      CapAdd: KEEPER_CAPABILITIES,
      SecurityOpt: ["no-new-privileges"],
      Init: true,
      AutoRemove: true,
      PidsLimit: limits.pids + KEEPER.pids,
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
                o: `size=${limits.diskMb}m,nr_inodes=${limits.diskMb * INODES_PER_MB},uid=1000,gid=1000,mode=700,nosuid,nodev`,
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
