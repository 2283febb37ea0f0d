import { readdirSync, readFileSync } from "node:fs";

/** The processes that sleep this long, here or in any sandbox of this machine. */
export function sleepers(mark: string): readonly number[] {
  const command = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1");
    } catch {
      return "";
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && command(name) === `sleep\0${mark}\0`)
    .map(Number);
}
