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

/** A markdown table with its columns in line. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
