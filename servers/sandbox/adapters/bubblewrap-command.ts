import { createHash } from "node:crypto";
import { existsSync, lstatSync, readlinkSync } from "node:fs";
import { TMP_MB, type Limits } from "../domain/limits.ts";
import { WORKSPACE } from "../domain/workspace-path.ts";
import type { ExecRequest, Layout } from "./backend.ts";
import { NPM_ENV } from "./npm-package.ts";

/** What a command line is made of, apart from the sandbox. */
export interface Programs {
  /** The system's own program: a copy elsewhere loses the exceptions that distributions grant it. */
  readonly bwrap: string;
  /** The running Node binary, shown inside as /node/node. */
  readonly node: string;
  /** The folder of the npm package, shown inside as /node/npm and /node/npx; null for none. */
  readonly npm: () => string | null;
  /** This process's user id. */
  readonly uid: number;
  /** This process's id: commands end with it, however it ends. */
  readonly pid: number;
}

/** Inside, everybody is this user, whoever that is outside. */
const INNER_UID = "1000";

/** What stands on descriptors 3 and 4: the sandbox's own passwd and group, instead of the host's. */
export const INNER_TEXTS = [
  `sandbox:x:${INNER_UID}:${INNER_UID}:sandbox:${WORKSPACE}:/bin/sh\n`,
  `sandbox:x:${INNER_UID}:\n`,
];

const MAX_FILE_BYTES = 1_073_741_824;

// Where the server is root, each sandbox runs as a user of its own, from a range Debian keeps free.
const SPARE_UID = 65_000;
const SPARE_UIDS = 500;

export function spareUid(id: string): number {
  return SPARE_UID + (createHash("sha256").update(id).digest().readUInt32BE() % SPARE_UIDS);
}

// Without busybox the Node inside says how the program ended, in the same words, at the price of its start.
const NODE_REPORTER = `const [format, ...argv] = process.argv.slice(1);
const end = require("node:child_process").spawnSync(argv[0], argv.slice(1), { stdio: "inherit" });
const number = require("node:os").constants.signals[end.signal];
if (number) process.stderr.write("Command terminated by signal " + number + "\\n");
process.stderr.write(format.replace(/%[USM]/g, "-") + "\\n");
process.exitCode = end.status ?? number ?? 127;`;

/** How commands see a sandbox. */
export function layoutWith(busybox: string | undefined): Layout {
  return {
    workspace: WORKSPACE,
    env: {
      PATH: "/node:/usr/local/bin:/usr/bin:/bin",
      HOME: WORKSPACE,
      TMPDIR: "/tmp",
      LANG: "C.UTF-8",
      CI: "1",
      ...NPM_ENV,
    },
    reporter: busybox === undefined ? ["/node/node", "-e", NODE_REPORTER] : [busybox, "time", "-f"],
  };
}

/** The host command that runs one program in the sandbox with this workspace. */
export function commandLine(
  programs: Programs,
  id: string,
  workspace: string,
  limits: Limits,
  request: ExecRequest,
): readonly string[] {
  const npm = programs.npm();
  const sources = [workspace, programs.node, ...(npm === null ? [] : [npm])];
  if (programs.uid !== 0)
    return ["setpriv", ...tied(programs.pid), ...isolated(programs.bwrap, sources, limits, request)];
  const point = stagePoint(sources);
  const spare = String(spareUid(id));
  return [
    ...words("unshare --mount --propagation private -- /bin/sh -e -c"),
    STAGE,
    ...["stage", point, ...sources, "--"],
    ...words(`setpriv --reuid ${spare} --regid ${spare} --clear-groups --inh-caps=-all --bounding-set=-all`),
    ...tied(programs.pid),
    ...isolated(
      programs.bwrap,
      sources.map((_source, index) => `${point}/${index}`),
      limits,
      request,
    ),
  ];
}

/**
 * The rest of a `setpriv` command that ties what follows to a process. A process that died before the kernel was told
 * sends no signal, so its child looks who its parent is, after that. Source: prctl(2), PR_SET_PDEATHSIG.
 */
function tied(pid: number): readonly string[] {
  return [...words("--pdeathsig KILL -- /bin/sh -c"), '[ "$PPID" = "$0" ] && exec "$@"', String(pid)];
}

/** @param sources The workspace, the Node binary, and npm's folder if there is one, where bubblewrap can reach them. */
function isolated(
  bwrap: string,
  [workspace = "", node = "", npm]: readonly string[],
  limits: Limits,
  request: ExecRequest,
): readonly string[] {
  return [
    bwrap,
    ...words("--unshare-all --unshare-user --disable-userns --cap-drop ALL --new-session --die-with-parent"),
    ...words(`--uid ${INNER_UID} --gid ${INNER_UID} --hostname sandbox --clearenv`),
    ...words("--ro-bind /usr /usr"),
    ...systemFolders(),
    ...words(
      "--ro-bind-try /etc/alternatives /etc/alternatives --ro-bind-try /etc/ld.so.cache /etc/ld.so.cache",
    ),
    ...words("--perms 0444 --ro-bind-data 3 /etc/passwd --perms 0444 --ro-bind-data 4 /etc/group"),
    ...words(`--proc /proc --dev /dev --size ${TMP_MB * 1_048_576} --tmpfs /tmp`),
    ...["--ro-bind", node, "/node/node", "--bind", workspace, WORKSPACE],
    ...(npm === undefined ? [] : ["--ro-bind", npm, "/node/lib/npm"]),
    ...(npm === undefined
      ? []
      : words("--symlink lib/npm/bin/npm-cli.js /node/npm --symlink lib/npm/bin/npx-cli.js /node/npx")),
    ...words(`--remount-ro / --chdir ${WORKSPACE}`),
    ...Object.entries(request.env).flatMap(([name, value]) => ["--setenv", name, value]),
    // Inside the new user namespace the process limit counts this sandbox's processes only (Linux 5.14 and later).
    ...words(
      `-- /usr/bin/prlimit --nproc=${limits.pids} --nofile=1024 --core=0 --fsize=${MAX_FILE_BYTES} --`,
    ),
    ...request.argv,
  ];
}

/** Cuts a text of ours, which holds no spaces within a word. */
function words(text: string): readonly string[] {
  return text.split(" ");
}

// Root first shows what the spare user may not reach by path, numbered, in a mount namespace of their own, then becomes
// that user. Only this script's own commands run as root.
const STAGE = `point=$1; shift
mount -t tmpfs -o size=64k,mode=755,nosuid,nodev tmpfs "$point"
number=0
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir "$point/$number"; else : > "$point/$number"; fi
  mount --bind "$1" "$point/$number"
  number=$((number+1)); shift
done
shift; exec "$@"`;

const STAGE_POINTS = ["/mnt", "/media", "/srv", "/opt", "/tmp"];

/** A folder that may be covered for the command's own eyes, because nothing it needs lies below. */
function stagePoint(needed: readonly string[]): string {
  const isFree = (folder: string): boolean => needed.every((path) => !path.startsWith(`${folder}/`));
  return STAGE_POINTS.find((folder) => existsSync(folder) && isFree(folder)) ?? "/mnt";
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
