import { guaranteesFrom, NO_GUARANTEES, parseFacts, type Guarantees } from "../domain/guarantees.ts";
import type { Backend, SandboxRef } from "./backend.ts";
import { runCommand, type RunDeps } from "./run-command.ts";

// Runs as a command would, with nothing but a POSIX shell and the tools every backend has.
const SCRIPT = `ws=$1
echo "uid=$(id -u)"
while read -r key value; do case $key in
  CapEff:) echo "cap_eff=$value";; CapBnd:) echo "cap_bnd=$value";; NoNewPrivs:) echo "no_new_privs=$value";;
esac; done < /proc/self/status
while read -r a b soft rest; do [ "$a $b" = "Max processes" ] && echo "pids_limit=$soft"; done < /proc/self/limits > /tmp/.limits
writable() { if (: > "$1/.attest") 2>/dev/null; then rm -f "$1/.attest"; echo yes; else echo no; fi; }
echo "root_writable=$(writable /)"
echo "usr_writable=$(writable /usr)"
if [ -n "$(ls -A /root /home /var/run/docker.sock 2>/dev/null)" ] || [ -r /etc/shadow ]; then echo host_visible=yes; else echo host_visible=no; fi
seen=""
while IFS=: read -r name rest; do case $name in *'|'*) ;; *) seen="$seen,$(echo $name)";; esac; done < /proc/net/dev
echo "interfaces=\${seen#,}"
set -- /proc/[0-9]*; echo "visible_processes=$#"
first() { for file in "$@"; do if [ -r "$file" ]; then cat "$file"; return; fi; done; }
pids=$(first /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max)
case $pids in ""|max) cat /tmp/.limits;; *) echo "pids_limit=$pids";; esac
rm -f /tmp/.limits
echo "memory_limit=$(first /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max)"
set -- $(first /sys/fs/cgroup/cpu.max) "$(first /sys/fs/cgroup/cpu/cpu.cfs_quota_us)" "$(first /sys/fs/cgroup/cpu/cpu.cfs_period_us)"
echo "cpu_quota=$1"; echo "cpu_period=$2"
set -- $(df -kP "$ws" | tail -n 1); echo "workspace_kb=$2"`;

/** Looks around inside a fresh sandbox and reports what really holds there. */
export async function attest(backend: Backend, ref: SandboxRef, deps: RunDeps): Promise<Guarantees> {
  if (backend.isolation === "none") return NO_GUARANTEES;
  const result = await runCommand(
    backend,
    ref,
    {
      argv: ["/bin/sh", "-c", SCRIPT, "attest", backend.layout(ref).workspace],
      cwd: ".",
      env: {},
      stdin: undefined,
      timeoutMs: 10_000,
      outputCapBytes: 65_536,
    },
    deps,
    new AbortController().signal,
  );
  return guaranteesFrom(parseFacts(result.stdout.toString("utf8")), ref.limits);
}
