import { cpus, loadavg, totalmem } from "node:os";
import { readFileSync } from "node:fs";

/** What a figure was measured on, in one line. */
export function machineLine(now: Date): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const load = loadavg()[0] ?? 0;
  return `${now.toISOString().slice(0, 16)}Z, ${processors.length} x ${processors[0]?.model.trim() ?? "unknown CPU"}, ${memory} GiB, ${process.platform} ${process.arch}, Node ${process.version}, load ${load.toFixed(1)}`;
}

/** Resident memory of another process in MB (10^6 bytes); NaN where the system does not tell. */
export function residentMb(pid: number): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? Number.NaN : (Number(kib) * 1_024) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** Resident memory of a process and all that it started, in MB (10^6 bytes); NaN where the system does not tell. */
export function residentTreeMb(pid: number): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    return children.reduce((sum, child) => sum + residentTreeMb(Number(child)), residentMb(pid));
  } catch {
    return Number.NaN;
  }
}

/** Clock ticks a second in /proc on every Linux that Node runs on. */
const TICKS = 100;

/** Processor time another process has used in milliseconds, in steps of ten; NaN where the system does not tell. */
export function processorMs(pid: number): number {
  try {
    // The name in parentheses may hold anything; user and system time are fields 14 and 15 of the line.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS;
  } catch {
    return Number.NaN;
  }
}

/** A markdown table with its columns in line. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
