import { existsSync } from "node:fs";
import { chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../domain/limits.ts";
import { WORKSPACE } from "../domain/workspace-path.ts";
import type { Backend, ExecRequest, Probe, SandboxRef } from "./backend.ts";
import { commandLine, layoutFor, spareUid, textsFor, type Programs } from "./bubblewrap-command.ts";
import { behindDoor, DOOR_ENV, openDoor } from "./door.ts";
import { PYTHON } from "./host-python.ts";
import { runLocal, runningCommands, type LocalExit } from "./local-process.ts";

export interface BubblewrapSettings extends Programs {
  /** Holds one folder per sandbox. */
  readonly root: string;
}

/** Where a system keeps its certificates, for programs that bring none of their own. */
const BUNDLE = "/etc/ssl/certs/ca-certificates.crt";
const CERTIFICATES: Readonly<Record<string, string>> = existsSync(BUNDLE)
  ? {
      NODE_EXTRA_CA_CERTS: BUNDLE,
      npm_config_cafile: BUNDLE,
      SSL_CERT_FILE: BUNDLE,
      PIP_CERT: BUNDLE,
      CARGO_HTTP_CAINFO: BUNDLE,
    }
  : {};

/** Namespaces by bubblewrap: private files, no network, no privileges; memory and disk are not bounded. */
export function bubblewrapBackend(settings: BubblewrapSettings): Backend {
  const { root, uid } = settings;
  const folderOf = (id: string): string => join(root, id);
  const workspaceOf = (id: string): string => join(folderOf(id), "workspace");
  const run = (
    id: string,
    limits: Limits,
    request: ExecRequest,
    door: string | null = null,
  ): ReturnType<typeof runLocal> =>
    runLocal(
      commandLine(settings, id, workspaceOf(id), limits, request, door),
      // Killing bubblewrap ends its process namespace, and with it every process inside.
      {
        cwd: "/",
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
        texts: textsFor(settings),
        killRest: async () => undefined,
      },
      request,
    );
  const commands = runningCommands();
  const runBehindDoor = async (
    ref: SandboxRef,
    hosts: readonly string[],
    request: ExecRequest,
  ): Promise<LocalExit> => {
    const door = await openDoor(hosts);
    try {
      const env = { ...request.env, ...DOOR_ENV, ...CERTIFICATES };
      const argv = behindDoor("/node/node", request.argv);
      return await run(ref.id, ref.limits, { ...request, argv, env }, door.folder);
    } finally {
      await door.close();
    }
  };
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
          argv: ["/node/node", "--version"],
          env: layoutFor(settings).env,
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
    hasDoor: true,
    async create({ id, limits, hosts }) {
      await prepare(id);
      return { id, handle: id, limits, ...(hosts === undefined ? {} : { hosts }) };
    },
    layout() {
      const layout = layoutFor(settings);
      // A Python away from home finds its own library by this, before one of the system's.
      const env = settings.python() === null ? {} : { LD_LIBRARY_PATH: `${PYTHON}/lib` };
      return { ...layout, env: { ...layout.env, ...env } };
    },
    async exec(ref, request) {
      if (!existsSync(workspaceOf(ref.id)))
        throw new DomainError("not_found", `sandbox ${ref.id} is gone`, { hint: "create a new one" });
      const { result: end, deleted } = await commands.track(ref.id, request.kill, (kill) =>
        ref.hosts === undefined || ref.hosts.length === 0
          ? run(ref.id, ref.limits, { ...request, kill })
          : runBehindDoor(ref, ref.hosts, { ...request, kill }),
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
          env: layoutFor(settings).env,
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
    reason: "bubblewrap ran but could not start Node",
    hint: "run `bwrap --ro-bind / / --unshare-all node --version` to see why; a Node linked with libraries outside /usr does not run inside",
  };
}
