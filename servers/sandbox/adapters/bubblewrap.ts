import { createHash } from "node:crypto";
import { existsSync, lstatSync, readlinkSync } from "node:fs";
import { chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { DEFAULT_LIMITS, TMP_MB, type Limits } from "../domain/limits.ts";
import { WORKSPACE } from "../domain/workspace-path.ts";
import type { Backend, ExecRequest, Layout, Probe } from "./backend.ts";
import { runLocal, runningCommands } from "./local-process.ts";

export interface BubblewrapSettings {
  /** Holds one folder per sandbox. */
  readonly root: string;
  /** The system's own program: a copy elsewhere loses the exceptions that distributions grant it. */
  readonly bwrap: string;
  /** The running Node binary, shown inside as /node/node. */
  readonly node: string;
  /** This process's user id. */
  readonly uid: number;
}

/** Inside, everybody is this user, whoever that is outside. */
const INNER_UID = "1000";
const PASSWD = `sandbox:x:${INNER_UID}:${INNER_UID}:sandbox:${WORKSPACE}:/bin/sh\n`;
const GROUP = `sandbox:x:${INNER_UID}:\n`;
const MAX_FILE_BYTES = 1_073_741_824;

// Where the server is root, each sandbox runs as a user of its own, from a range Debian keeps free.
const SPARE_UID = 65_000;
const SPARE_UIDS = 500;

// Root first shows the two things the spare user may not reach by path, in a mount namespace of their own,
// then becomes that user. Only this script's own commands run as root.
const STAGE = `mount -t tmpfs -o size=64k,mode=755,nosuid,nodev tmpfs "$1" && mkdir "$1/w" && : > "$1/n" &&
mount --bind "$2" "$1/w" && mount --bind "$3" "$1/n" && shift 3 && exec "$@"`;
const STAGE_POINTS = ["/mnt", "/media", "/srv", "/opt", "/tmp"];

/** Namespaces by bubblewrap: private files, no network, no privileges; memory and disk are not bounded. */
export function bubblewrapBackend(settings: BubblewrapSettings): Backend {
  const { root, uid } = settings;
  const folderOf = (id: string): string => join(root, id);
  const workspaceOf = (id: string): string => join(folderOf(id), "workspace");
  const run = (id: string, limits: Limits, request: ExecRequest): ReturnType<typeof runLocal> =>
    runLocal(
      commandLine(settings, id, workspaceOf(id), limits, request),
      // Killing bubblewrap ends its process namespace, and with it every process inside.
      {
        cwd: "/",
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
        texts: [PASSWD, GROUP],
        killRest: async () => undefined,
      },
      request,
    );
  const commands = runningCommands();
  const prepare = async (id: string): Promise<void> => {
    await mkdir(workspaceOf(id), { recursive: true, mode: 0o700 });
    if (uid === 0) await chown(workspaceOf(id), spareUid(id), spareUid(id));
  };
  return {
    name: "bubblewrap",
    isolation: "namespaces",
    async probe(): Promise<Probe> {
      if (!existsSync(settings.bwrap))
        return {
          ok: false,
          reason: `${settings.bwrap} is not there`,
          hint: "install the package bubblewrap",
        };
      await mkdir(root, { recursive: true, mode: 0o700 });
      const folder = await mkdtemp(join(root, ".probe-"));
      const id = folder.slice(root.length + 1);
      try {
        await prepare(id);
        const stderr: Uint8Array[] = [];
        const end = await run(id, DEFAULT_LIMITS, {
          argv: ["/bin/true"],
          env: {},
          stdin: undefined,
          kill: AbortSignal.timeout(5_000),
          onOutput: (stream, chunk) => void (stream === "stderr" && stderr.push(chunk)),
        });
        return end.exitCode === 0 ? { ok: true } : explain(Buffer.concat(stderr).toString("utf8"));
      } catch {
        return {
          ok: false,
          reason: "bubblewrap could not be started",
          hint: "check that the package bubblewrap is installed whole",
        };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    async create({ id, limits }) {
      await prepare(id);
      return { id, handle: id, limits };
    },
    layout: () => LAYOUT,
    async exec(ref, request) {
      if (!existsSync(workspaceOf(ref.id)))
        throw new DomainError("not_found", `sandbox ${ref.id} is gone`, { hint: "create a new one" });
      const { result: end, deleted } = await commands.track(ref.id, request.kill, (kill) =>
        run(ref.id, ref.limits, { ...request, kill }),
      );
      // The reporter inside tells signals apart; one that ended bubblewrap itself came from outside.
      return {
        exitCode: end.exitCode,
        signal: null,
        oomKills: 0,
        forksRefused: 0,
        cpuMs: null,
        peakMemoryBytes: null,
        alive: !deleted && existsSync(workspaceOf(ref.id)),
      };
    },
    isAlive: async (ref) => existsSync(workspaceOf(ref.id)),
    async destroy(ref) {
      await commands.killAll(ref.id);
      const remove = (): Promise<void> => rm(folderOf(ref.id), { recursive: true, force: true });
      try {
        await remove();
      } catch {
        // A command took away its own right to enter a folder; inside, the owner can give it back.
        const fix: ExecRequest = {
          argv: ["/bin/chmod", "-R", "u+rwX", WORKSPACE],
          env: LAYOUT.env,
          stdin: undefined,
          kill: AbortSignal.timeout(30_000),
          onOutput: () => undefined,
        };
        await run(ref.id, DEFAULT_LIMITS, fix);
        await remove();
      }
    },
    listOwned: async () => [],
  };
}

const BUSYBOX = ["/usr/bin/busybox", "/bin/busybox"].find((file) => existsSync(file));

// Without busybox the Node inside says how the program ended, in the same words, at the price of its start.
const NODE_REPORTER = `const [format, ...argv] = process.argv.slice(1);
const end = require("node:child_process").spawnSync(argv[0], argv.slice(1), { stdio: "inherit" });
const number = require("node:os").constants.signals[end.signal];
if (number) process.stderr.write("Command terminated by signal " + number + "\\n");
process.stderr.write(format.replace(/%[USM]/g, "-") + "\\n");
process.exitCode = end.status ?? number ?? 127;`;

const LAYOUT: Layout = {
  workspace: WORKSPACE,
  env: {
    PATH: "/node:/usr/local/bin:/usr/bin:/bin",
    HOME: WORKSPACE,
    TMPDIR: "/tmp",
    LANG: "C.UTF-8",
    CI: "1",
    npm_config_cache: "/tmp/.npm",
  },
  reporter: BUSYBOX === undefined ? ["/node/node", "-e", NODE_REPORTER] : [BUSYBOX, "time", "-f"],
};

function spareUid(id: string): number {
  return SPARE_UID + (createHash("sha256").update(id).digest().readUInt32BE() % SPARE_UIDS);
}

function commandLine(
  settings: BubblewrapSettings,
  id: string,
  workspace: string,
  limits: Limits,
  request: ExecRequest,
): readonly string[] {
  const plain = (source: { readonly workspace: string; readonly node: string }): readonly string[] => [
    settings.bwrap,
    ...[
      "--unshare-all",
      "--unshare-user",
      "--disable-userns",
      "--uid",
      INNER_UID,
      "--gid",
      INNER_UID,
      "--hostname",
      "sandbox",
    ],
    ...["--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"],
    ...["--ro-bind", "/usr", "/usr", ...systemFolders()],
    ...[
      "--ro-bind-try",
      "/etc/alternatives",
      "/etc/alternatives",
      "--ro-bind-try",
      "/etc/ld.so.cache",
      "/etc/ld.so.cache",
    ],
    ...[
      "--perms",
      "0444",
      "--ro-bind-data",
      "3",
      "/etc/passwd",
      "--perms",
      "0444",
      "--ro-bind-data",
      "4",
      "/etc/group",
    ],
    ...["--proc", "/proc", "--dev", "/dev", "--size", String(TMP_MB * 1_048_576), "--tmpfs", "/tmp"],
    ...[
      "--ro-bind",
      source.node,
      "/node/node",
      "--bind",
      source.workspace,
      WORKSPACE,
      "--remount-ro",
      "/",
      "--chdir",
      WORKSPACE,
    ],
    ...Object.entries(request.env).flatMap(([name, value]) => ["--setenv", name, value]),
    // Inside the new user namespace the process limit counts this sandbox's processes only (Linux 5.14 and later).
    ...[
      "--",
      "/usr/bin/prlimit",
      `--nproc=${limits.pids}`,
      "--nofile=1024",
      "--core=0",
      `--fsize=${MAX_FILE_BYTES}`,
      "--",
    ],
    ...request.argv,
  ];
  if (settings.uid !== 0) return plain({ workspace, node: settings.node });
  const point =
    STAGE_POINTS.find(
      (folder) =>
        existsSync(folder) && !workspace.startsWith(`${folder}/`) && !settings.node.startsWith(`${folder}/`),
    ) ?? "/mnt";
  const spare = String(spareUid(id));
  return [
    ...[
      "unshare",
      "--mount",
      "--propagation",
      "private",
      "--",
      "/bin/sh",
      "-c",
      STAGE,
      "stage",
      point,
      workspace,
      settings.node,
    ],
    ...[
      "setpriv",
      "--reuid",
      spare,
      "--regid",
      spare,
      "--clear-groups",
      "--inh-caps=-all",
      "--bounding-set=-all",
      "--",
    ],
    ...plain({ workspace: `${point}/w`, node: `${point}/n` }),
  ];
}

/** /bin, /lib and their like, as links where the system has merged them into /usr. */
function systemFolders(): readonly string[] {
  return ["/bin", "/sbin", "/lib", "/lib32", "/lib64"].flatMap((folder) => {
    const stat = lstatSync(folder, { throwIfNoEntry: false });
    if (stat === undefined) return [];
    return stat.isSymbolicLink()
      ? ["--symlink", readlinkSync(folder), folder]
      : ["--ro-bind", folder, folder];
  });
}

function explain(stderr: string): Probe {
  if (/Operation not permitted|Permission denied|No permissions/.test(stderr)) {
    return {
      ok: false,
      reason: "bubblewrap may not make namespaces here",
      hint: "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0); inside a container run it with --security-opt seccomp=unconfined, or use Docker",
    };
  }
  if (/disable-userns/.test(stderr))
    return { ok: false, reason: "bubblewrap is older than 0.8", hint: "install bubblewrap 0.8 or newer" };
  if (/setpriv|unshare|prlimit|execvp/.test(stderr)) {
    return {
      ok: false,
      reason: "setpriv, unshare, mount or prlimit is missing",
      hint: "install the packages util-linux and mount",
    };
  }
  return {
    ok: false,
    reason: "bubblewrap ran but could not start a program",
    hint: "run `bwrap --ro-bind / / --unshare-all true` to see why",
  };
}
