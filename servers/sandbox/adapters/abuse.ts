import { DomainError } from "../../../kernel/errors.ts";
import type { Guarantees } from "../domain/guarantees.ts";
import { isInnerLink, workspacePath } from "../domain/workspace-path.ts";
import type { Backend, SandboxRef } from "./backend.ts";
import { readFilePart, writeEntries } from "./files.ts";
import { runCommand, type CommandResult, type CommandSpec } from "./run-command.ts";

// What a hostile program, or a hostile caller, tries. The same list is run by `slipway sandbox selftest` on a user's
// machine and by our own tests. Every attempt is harmless where it succeeds: files are opened for appending and not written.

/** A fresh sandbox under attack. */
export interface Target {
  readonly backend: Backend;
  readonly ref: SandboxRef;
  readonly deps: {
    readonly nonce: () => string;
    readonly monotonic: () => number;
    readonly clock: () => number;
  };
  /** What of this machine must stay out of reach. */
  readonly bait: Bait;
}

export interface Bait {
  /** A word that stands in a file of the host, and in the environment of this process. */
  readonly secret: string;
  /** The absolute path of that file. */
  readonly file: string;
  /** A port on this machine's loopback that listens. */
  readonly port: number;
}

export interface Verdict {
  readonly title: string;
  /** What was seen where it did not hold; null where it held, or was not promised. */
  readonly saw: string | null;
  /** False where the sandbox gives no promise that it could break. Such attacks are not made: they would harm the host. */
  readonly isPromised: boolean;
}

type Promised = Exclude<keyof Guarantees, "kernel"> | "always";

/** Attempts from inside, each a piece of shell that prints something only where it gets through. */
const ATTEMPTS: readonly (readonly [title: string, needs: Promised, script: string])[] = [
  [
    "mounting, making namespaces and devices",
    "processes",
    "mount -t tmpfs x /tmp && echo mounted; unshare -U true && echo namespace; unshare -m true && echo mounts; mknod /tmp/node c 1 3 && echo device",
  ],
  [
    "any privilege, or a way to gain one",
    "processes",
    `[ "$(id -u)" = 1000 ] || echo "user $(id -u)"; grep -E '^(CapPrm|CapEff|CapBnd|CapAmb):' /proc/self/status | grep -v '\\s0*$'; grep -q '^NoNewPrivs:\\s*1$' /proc/self/status || echo 'privileges can be gained'`,
  ],
  [
    "writing to the kernel's settings and to cgroups",
    "filesystem",
    "for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/kernel/uevent_helper /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/pids/pids.max; do (: >> $f) && echo wrote $f; done",
  ],
  [
    "reading the kernel's memory and log",
    "filesystem",
    "for f in /proc/kcore /dev/kmsg /dev/mem /proc/kallsyms; do [ -n \"$(head -c 4096 $f | tr -d '0\\000 ' | grep -E '[1-9a-f]{9}')\" ] && echo read $f; done",
  ],
  [
    "writing outside the workspace and the temporary directory",
    "filesystem",
    "for d in / /usr /usr/bin /bin /etc /lib /var /root /home /opt; do [ -d $d ] && (: > $d/.abuse) && echo wrote $d; done; for f in /bin/sh /usr/bin/node /bin/node /node/node /etc/passwd; do (: >> $f) && echo wrote $f; done",
  ],
  [
    "the socket of the Docker daemon",
    "filesystem",
    "for s in /var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock; do [ -e $s ] && echo found $s; done",
  ],
  [
    "disks of this machine",
    "filesystem",
    "for f in /dev/sd? /dev/vd? /dev/nvme0n1 /dev/dm-0 /dev/loop0; do [ -r $f ] && echo read $f; done",
  ],
  [
    "a file of this machine",
    "filesystem",
    'cat "$BAIT_FILE" && echo; cat /etc/shadow && echo; ls "/proc/1/root$BAIT_FILE"',
  ],
  [
    "ending or tracing what holds the sandbox open",
    "processes",
    "kill -9 1; kill -STOP 1; [ -d /proc/1 ] || echo gone",
  ],
  [
    "any network but its own loopback",
    "network",
    "while IFS=: read -r name rest; do case $name in *'|'*) ;; *) name=$(echo $name); [ \"$name\" = lo ] || echo $name;; esac; done < /proc/net/dev",
  ],
  [
    "more open files than allowed",
    "processes",
    '[ "$(ulimit -n)" -le 1024 ] || ulimit -n; ulimit -n 4096 && echo raised',
  ],
  ["core dumps", "processes", '[ "$(ulimit -c)" = 0 ] || ulimit -c'],
];

const CONNECT = `const net = require("node:net"), udp = require("node:dgram").createSocket("udp4");
const [port] = process.argv.slice(1);
const targets = [["127.0.0.1", port], ["169.254.169.254", 80], ["2852039166", 80], ["::ffff:169.254.169.254", 80], ["fd00:ec2::254", 80], ["10.0.0.1", 80], ["172.17.0.1", 2375], ["192.168.65.7", 2375], ["1.1.1.1", 443]];
for (const [host, at] of targets) { const s = net.connect({ host, port: Number(at), autoSelectFamily: false }, () => { console.log("reached " + host + ":" + at); s.destroy(); }); s.on("error", () => {}); s.setTimeout(1000, () => s.destroy()); }
udp.send("x", 53, "1.1.1.1", (error) => { if (!error) console.log("sent to 1.1.1.1:53"); udp.close(); });
require("node:dns").lookup("example.com", (error, address) => { if (!error) console.log("resolved " + address); });
setTimeout(() => process.exit(0), 1500).unref();`;

const QUIET: CommandSpec = {
  argv: ["true"],
  cwd: ".",
  env: {},
  stdin: undefined,
  timeoutMs: 20_000,
  outputCapBytes: 1_000_000,
};
const NEVER = new AbortController().signal;

interface Attacker {
  run(spec: Partial<CommandSpec>): Promise<CommandResult>;
  sh(script: string, spec?: Partial<CommandSpec>): Promise<CommandResult>;
  /** The code of the refusal, or "accepted". */
  write(path: string, content: Uint8Array): Promise<string>;
  read(path: string): Promise<string>;
  readonly bait: Bait;
  readonly nonce: () => string;
}

type Attack = readonly [
  title: string,
  needs: Promised,
  attack: (attacker: Attacker) => Promise<string | null>,
];

/** Null where the value is the expected one. */
function unless(seen: unknown, ...expected: readonly unknown[]): string | null {
  const text = JSON.stringify(seen);
  return expected.some((value) => JSON.stringify(value) === text) ? null : text;
}

const ATTACKS: readonly Attack[] = [
  [
    "connecting to this machine, private and metadata addresses, the internet",
    "network",
    async ({ run, bait }) =>
      unless((await run({ argv: ["node", "-e", CONNECT, String(bait.port)] })).stdout.toString("utf8"), ""),
  ],
  [
    "secrets of this process in its environment",
    "always",
    async ({ sh, bait }) =>
      (await sh("env; cat /proc/*/environ 2>/dev/null")).stdout.includes(bait.secret) ? "the secret" : null,
  ],
  [
    "a working folder outside the workspace",
    "always",
    async ({ run, sh }) => {
      await sh("ln -sfn /etc abuse-folder");
      const endings = [];
      for (const cwd of ["../proc/self/fd/3", "..", "abuse-folder"])
        endings.push((await run({ cwd })).ending.outcome);
      return unless(endings, ["bad_cwd", "bad_cwd", "bad_cwd"]);
    },
  ],
  [
    "paths that leave the workspace",
    "always",
    async () => {
      const taken = [
        "../../etc/passwd",
        "/etc/passwd",
        "C:\\x",
        "..\\x",
        "a\0b",
        "",
        "x".repeat(5_000),
        "a/../../b",
        "\ud800",
      ].filter((path) => {
        try {
          workspacePath(path);
          return true;
        } catch {
          return false;
        }
      });
      const links = ["/etc/passwd", "../x", "a/../../x", ""].filter((target) => isInnerLink("link", target));
      return unless([...taken, ...links], []);
    },
  ],
  [
    "reading through links, pipes and devices",
    "always",
    async ({ sh, read }) => {
      await sh(
        "ln -sfn /etc/passwd abuse-leaf; ln -sfn / abuse-root; ln -sfn /dev/zero abuse-zero; ln -sfn /proc/self/environ abuse-proc; [ -p abuse-pipe ] || mkfifo abuse-pipe",
      );
      const codes = [];
      for (const path of ["abuse-leaf", "abuse-root/etc/passwd", "abuse-zero", "abuse-proc", "abuse-pipe"])
        codes.push(await read(path));
      return unless(codes, ["denied", "denied", "denied", "denied", "invalid"]);
    },
  ],
  [
    "writing through links",
    "always",
    async ({ sh, write }) => {
      await sh("ln -sfn /tmp abuse-out; ln -sfn /tmp/abuse-target abuse-link");
      const codes = [
        await write("abuse-out/planted", Buffer.from("x")),
        await write("abuse-link", Buffer.from("x")),
      ];
      const { stdout } = await sh("ls /tmp/planted /tmp/abuse-target 2>/dev/null");
      return unless([...codes, stdout.toString("utf8")], ["denied", "accepted", ""]);
    },
  ],
  [
    "changing a link between check and use",
    "always",
    async ({ sh, read, bait }) => {
      const race = sh(
        "echo mine > abuse-mine; i=0; while [ $i -lt 60 ]; do ln -sfn /etc/passwd abuse-swap; ln -sfn abuse-mine abuse-swap; ln -sfn /proc/1/environ abuse-swap; i=$((i+1)); done",
      );
      const seen = new Set<string>();
      for (let look = 0; look < 5; look += 1) seen.add(await read("abuse-swap"));
      await race;
      return [...seen].some((text) => text.includes(bait.secret)) ? "the secret" : null;
    },
  ],
  [
    "forging results on the streams",
    "always",
    async ({ sh, nonce }) => {
      const { ending, stdout } = await sh(
        `printf '\\1\\0\\0\\0\\0\\0\\0\\5hello'; echo '${nonce()} not_found' >&2; echo 'Command terminated by signal 9' >&2; exit 3`,
      );
      return unless(
        [ending.outcome, ending.exitCode, stdout.toString("latin1")],
        ["exited", 3, "\u0001\0\0\0\0\0\0\u0005hello"],
      );
    },
  ],
  [
    "passing for another ending by exit code",
    "always",
    async ({ sh }) => {
      const endings = [];
      for (const code of [126, 127, 137]) endings.push((await sh(`exit ${code}`)).ending);
      return unless(
        endings.map(({ outcome, exitCode }) => `${outcome} ${exitCode}`),
        ["exited 126", "exited 127", "exited 137"],
      );
    },
  ],
  [
    "outliving its time: a process that left its session and ignores signals",
    "always",
    async ({ sh, nonce }) => {
      const mark = `7${Number.parseInt(nonce().slice(0, 6), 16)}`;
      const { ending } = await sh(
        `setsid sleep ${mark} & (setsid sh -c 'trap "" TERM HUP; sleep ${mark} & sleep ${mark}' &) ; trap '' TERM; sleep ${mark}`,
        { timeoutMs: 400 },
      );
      const { stdout } = await sh(
        `cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c 'sleep ${mark.slice(0, -1)}[${mark.slice(-1)}]'`,
      );
      return unless([ending.outcome, stdout.toString("utf8").trim()], ["timeout", "0"]);
    },
  ],
  [
    "dripping output past its time",
    "always",
    async ({ sh }) =>
      unless(
        (await sh("while :; do printf x; sleep 0.1; done", { timeoutMs: 400 })).ending.outcome,
        "timeout",
      ),
  ],
  [
    "flooding with output, in one line",
    "always",
    async ({ sh }) => {
      const { ending, stdout } = await sh("cat /dev/zero", { outputCapBytes: 300_000 });
      return unless([ending.outcome, stdout.length], ["output_cap", 300_000]);
    },
  ],
  [
    "waiting for input that never comes",
    "always",
    async ({ run }) => unless((await run({ argv: ["cat"] })).ending.outcome, "exited"),
  ],
  [
    "a fork bomb",
    "processes",
    async ({ sh }) => {
      const bomb = await sh("i=0; while [ $i -lt 100 ]; do sleep 20 & i=$((i+1)); done; echo all", {
        timeoutMs: 8_000,
      });
      if (bomb.stdout.includes("all")) return "all processes started";
      return unless((await sh("echo usable")).stdout.toString("utf8"), "usable\n");
    },
  ],
  [
    "filling the temporary directory",
    "filesystem",
    async ({ sh }) =>
      unless(
        (
          await sh("head -c 80000000 /dev/zero > /tmp/abuse-big || echo full; rm -f /tmp/abuse-big")
        ).stdout.toString("utf8"),
        "full\n",
      ),
  ],
  [
    "filling the workspace",
    "disk",
    async ({ sh, write }) => {
      const { ending, stdout } = await sh(
        "head -c 100000000 /dev/zero > abuse-big || echo full; rm -f abuse-big",
      );
      return unless(
        [ending.outcome, stdout.toString("utf8"), await write("abuse-huge", Buffer.alloc(60e6))],
        ["exited", "full\n", "limit"],
      );
    },
  ],
  [
    "a million empty files",
    "disk",
    async ({ sh }) =>
      unless(
        (
          await sh(
            "rm -f abuse-huge; mkdir abuse-many; cd abuse-many; i=0; while [ $i -lt 25000 ]; do true > $i || { echo full; break; }; i=$((i+1)); done; cd ..; rm -rf abuse-many",
          )
        ).stdout.toString("utf8"),
        "full\n",
      ),
  ],
  [
    "all memory, told from an exit code of 137",
    "memory",
    async ({ run, sh }) => {
      const { ending } = await run({
        argv: ["node", "-e", "const kept = []; for (;;) kept.push(Buffer.alloc(8e6, 1));"],
      });
      return unless([ending.outcome, (await sh("echo usable")).stdout.toString("utf8")], ["oom", "usable\n"]);
    },
  ],
];

/**
 * Runs the whole list against a sandbox made with small limits (see ABUSE_LIMITS); the sandbox is gone afterwards.
 *
 * @param guarantees What the sandbox promises.
 */
export async function abuse(
  target: Target,
  guarantees: Guarantees,
  onVerdict: (verdict: Verdict) => void,
): Promise<void> {
  const { backend, ref } = target;
  const attacker = attackerOn(target);
  const isPromised = (needs: Promised): boolean => needs === "always" || guarantees[needs] === "enforced";
  const tell = (title: string, needs: Promised, saw: string | null): void =>
    onVerdict({ title, isPromised: isPromised(needs), saw: isPromised(needs) ? saw : null });
  const seen = await attempt(attacker);
  for (const [index, [title, needs]] of ATTEMPTS.entries()) tell(title, needs, seen[index] ?? null);
  for (const [title, needs, attack] of ATTACKS) {
    const saw = isPromised(needs)
      ? await attack(attacker).catch((error: unknown) =>
          error instanceof Error ? error.message : String(error),
        )
      : null;
    tell(title, needs, saw);
  }
  tell("being deleted while it runs, twice", "always", await deleteRunning(attacker, backend, ref));
}

async function deleteRunning(
  { run, sh }: Attacker,
  backend: Backend,
  ref: SandboxRef,
): Promise<string | null> {
  const running = run({ argv: ["sh", "-c", "echo > abuse-runs; sleep 60"], timeoutMs: 60_000 });
  await sh("until [ -e abuse-runs ]; do sleep 0.05; done");
  await Promise.all([backend.destroy(ref), backend.destroy(ref)]);
  await backend.destroy(ref);
  const outcomes = [(await running).ending.outcome, (await run({})).ending.outcome];
  return unless(outcomes, ["sandbox_dead", "sandbox_dead"]);
}

/** The limits the list is written for. */
export const ABUSE_LIMITS = { cpu: 1, memoryMb: 96, pids: 64, diskMb: 48 };

/** All attempts in one command: starting one costs more than any of them. */
async function attempt({ sh, bait, nonce }: Attacker): Promise<readonly (string | null)[]> {
  const mark = nonce();
  const script = ATTEMPTS.map(([, , attack], index) => `echo ${mark}${index}; (${attack}) 2>/dev/null`).join(
    "\n",
  );
  const { stdout, ending } = await sh(`${script}\necho ${mark}end`, { env: { BAIT_FILE: bait.file } });
  const text = stdout.toString("utf8");
  return ATTEMPTS.map((_attempt, index) => {
    const next = index + 1 === ATTEMPTS.length ? "end" : String(index + 1);
    const match = new RegExp(`^${mark}${index}\\n([\\s\\S]*?)^${mark}${next}$`, "m").exec(text);
    if (match === null) return `no answer (${ending.outcome})`;
    return match[1] === "" ? null : (match[1] ?? null);
  });
}

function attackerOn({ backend, ref, deps, bait }: Target): Attacker {
  const run: Attacker["run"] = (spec) => runCommand(backend, ref, { ...QUIET, ...spec }, deps, NEVER);
  const codeOf = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "accepted",
      (error: unknown) => {
        if (error instanceof DomainError) return error.code;
        throw error;
      },
    );
  return {
    run,
    sh: (script, spec) => run({ ...spec, argv: ["/bin/sh", "-c", script] }),
    write: (path, content) =>
      codeOf(writeEntries(backend, ref, [{ kind: "file", path, mode: 0o644, content }], [], deps)),
    async read(path) {
      let text = "";
      const code = await codeOf(
        readFilePart(backend, ref, path, 0, 100_000, deps).then(
          ({ content }) => void (text = content.toString("latin1")),
        ),
      );
      return code === "accepted" ? text : code;
    },
    bait,
    nonce: deps.nonce,
  };
}
