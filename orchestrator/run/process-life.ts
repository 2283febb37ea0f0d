import { readFileSync } from "node:fs";
import type { Driver } from "./run-store.ts";

/** This process, as others can check whether it still lives. */
export function thisDriver(): Driver {
  return { pid: process.pid, born: bornOf(process.pid) ?? "" };
}

/** Whether the very process that a driver row names is alive: the same id, born at the same time. */
export function isDriverAlive(driver: Driver): boolean {
  if (driver.pid === process.pid) return false;
  try {
    process.kill(driver.pid, 0);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  const born = bornOf(driver.pid);
  return born === undefined || born === driver.born;
}

/** When a process was born, in the kernel's ticks; undefined where the system does not tell by file. */
function bornOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Field 22 of proc(5), counted after the name, which may itself hold spaces and brackets.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
