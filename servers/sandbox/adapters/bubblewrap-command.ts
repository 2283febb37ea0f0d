import { createHash } from "node:crypto";
import { existsSync, lstatSync, readlinkSync } from "node:fs";
import { TMP_MB, type Limits } from "../domain/limits.ts";
import { WORKSPACE } from "../domain/workspace-path.ts";
import type { ExecRequest, Layout } from "./backend.ts";
import { DOOR } from "./door.ts";
import { PYTHON, PYTHON_PROGRAMS, pythonProgram } from "./host-python.ts";
import { NPM_ENV } from "./npm-package.ts";

/** What a command line is made of, apart from the sandbox. */
export interface Programs {
  /** The system's own program: a copy elsewhere loses the exceptions that distributions grant it. */
  readonly bwrap: string;
  /** The running Node binary, shown inside as /node/node. */
  readonly node: string;
  /** The folder of the npm package, shown inside as /node/npm and /node/npx; null for none. */
  readonly npm: () => string | null;
  /** The folder of a Python that is not the system's, shown inside as PYTHON; null for none. */
  readonly python: () => string | null;
  /** Where busybox may be: it tells signals from exit codes faster than Node does, and mounts without starting programs. */
  readonly busybox: readonly string[];
  /** Where setpriv of util-linux may be; a shell of busybox would take its own, which cannot do what is needed. */
  readonly setpriv: readonly string[];
  /** This process's user id. */
  readonly uid: number;
  /** This process's id: commands end with it, however it ends. */
  readonly pid: number;
}

/** Inside, everybody is this user, whoever that is outside. */
const INNER_UID = "1000";

/** What stands on descriptors 3 to 5: the sandbox's own passwd, group and hosts, instead of the host's. */
const INNER_TEXTS = [
  `sandbox:x:${INNER_UID}:${INNER_UID}:sandbox:${WORKSPACE}:/bin/sh\n`,
  `sandbox:x:${INNER_UID}:\n`,
  "127.0.0.1 localhost sandbox\n::1 localhost\n",
];

/** The texts on descriptors 3 and on: those of every sandbox, then the programs of a Python that is shown. */
export function textsFor({ python }: Programs): readonly string[] {
  return python() === null
    ? INNER_TEXTS
    : [...INNER_TEXTS, ...Object.values(PYTHON_PROGRAMS).map(pythonProgram)];
}

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

function installed(places: readonly string[]): string | undefined {
  return places.find((file) => existsSync(file));
}

/** How commands see a sandbox. */
export function layoutFor({ busybox: places }: Pick<Programs, "busybox">): Layout {
  const busybox = installed(places);
  return {
    workspace: WORKSPACE,
    env: {
      PATH: "/node:/opt/programs:/opt/python/bin:/usr/local/bin:/usr/bin:/bin:/workspace/.local/bin",
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
  door: string | null,
): readonly string[] {
  const [npm, python] = [programs.npm(), programs.python()];
  // Where each is shown inside, in the order in which they are staged.
  const shown: readonly (readonly [source: string, target: string, flag: "--bind" | "--ro-bind"])[] = [
    [programs.node, "/node/node", "--ro-bind"],
    [workspace, WORKSPACE, "--bind"],
    ...(npm === null ? [] : ([[npm, "/node/lib/npm", "--ro-bind"]] as const)),
    ...(python === null ? [] : ([[python, PYTHON, "--ro-bind"]] as const)),
    ...(door === null ? [] : ([[door, DOOR, "--ro-bind"]] as const)),
  ];
  const sources = shown.map(([source]) => source);
  const binds = (at: readonly string[]): readonly string[] => [
    ...shown.flatMap(([, target, flag], index) => [flag, at[index] ?? "", target]),
    ...(npm === null
      ? []
      : words("--symlink lib/npm/bin/npm-cli.js /node/npm --symlink lib/npm/bin/npx-cli.js /node/npx")),
    ...(python === null
      ? []
      : Object.keys(PYTHON_PROGRAMS).flatMap((name, index) =>
          words(`--perms 0555 --ro-bind-data ${FIRST_PROGRAM + index} /opt/programs/${name}`),
        )),
    ...(door === null ? [] : words("--ro-bind-try /etc/ssl/certs /etc/ssl/certs")),
  ];
  if (programs.uid !== 0)
    return ["setpriv", ...tied(programs.pid), ...isolated(programs.bwrap, binds(sources), limits, request)];
  const point = stagePoint(sources);
  const busybox = installed(programs.busybox);
  const spare = String(spareUid(id));
  return [
    ...words("unshare --mount --propagation private --"),
    ...(busybox === undefined ? ["/bin/sh"] : [busybox, "sh"]),
    ...["-e", "-c", STAGE],
    ...["stage", point, ...sources, "--"],
    installed(programs.setpriv) ?? "setpriv",
    ...words(`--reuid ${spare} --regid ${spare} --clear-groups --inh-caps=-all --bounding-set=-all`),
    ...tied(programs.pid),
    ...isolated(programs.bwrap, binds(sources.map((_source, index) => `${point}/${index}`)), limits, request),
  ];
}

/**
 * The rest of a `setpriv` command that ties what follows to a process. A process that died before the kernel was told
 * sends no signal, so its child looks who its parent is, after that. Source: prctl(2), PR_SET_PDEATHSIG.
 */
function tied(pid: number): readonly string[] {
  return [...words("--pdeathsig KILL -- /bin/sh -c"), '[ "$PPID" = "$0" ] && exec "$@"', String(pid)];
}

/** The first descriptor of a Python's programs, after those of every sandbox. */
const FIRST_PROGRAM = 3 + INNER_TEXTS.length;

/** @param binds What is shown of the host besides its system folders. */
function isolated(
  bwrap: string,
  binds: readonly string[],
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
    ...words("--perms 0444 --ro-bind-data 5 /etc/hosts"),
    ...words(`--proc /proc --dev /dev --size ${TMP_MB * 1_048_576} --tmpfs /tmp`),
    ...binds,
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
