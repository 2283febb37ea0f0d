import { readdir, readFile } from "node:fs/promises";

/**
 * Ends a program and everything it started. `pid` leads its own process group. On Linux the processes that left the
 * group are found by `mark`, a text of ours in the environment they inherited; one that also cleared its
 * environment escapes, which only a sandbox can prevent.
 */
export async function killTree(pid: number, signal: "SIGTERM" | "SIGKILL", mark: string): Promise<void> {
  sendTo(-pid, signal);
  for (const stray of await marked(mark)) sendTo(stray, signal);
}

function sendTo(target: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(target, signal);
  } catch {
    // It is gone already, which is what was wanted.
  }
}

async function marked(mark: string): Promise<readonly number[]> {
  const entries = await readdir("/proc").catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const pid = /^\d+$/.test(entry) ? Number(entry) : process.pid;
      if (pid === process.pid) return null;
      const env = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      return env.split("\0").includes(mark) ? pid : null;
    }),
  );
  return found.filter((pid) => pid !== null);
}
