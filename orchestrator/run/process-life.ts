import { readdirSync, readFileSync } from "node:fs";
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

/** Ends a driver and everything it started at once; what left its tree is found only where the system tells by file. */
export function endTree(driver: Driver): void {
  const parents = parentsOfAll();
  const doomed = [driver.pid];
  for (const pid of doomed)
    doomed.push(...parents.filter(([, parent]) => parent === pid).map(([child]) => child));
  for (const pid of doomed) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It is gone already, which is what was wanted.
    }
  }
}

function parentsOfAll(): readonly (readonly [number, number])[] {
  try {
    return readdirSync("/proc").flatMap((entry) => {
      const parent = /^\d+$/.test(entry) ? statOf(Number(entry))?.[1] : undefined;
      return parent === undefined ? [] : [[Number(entry), Number(parent)] as const];
    });
  } catch {
    return [];
  }
}

/** When a process was born, in the kernel's ticks; undefined where the system does not tell by file. */
function bornOf(pid: number): string | undefined {
  return statOf(pid)?.[19];
}

/** The fields of proc(5) from the third on: those after the name, which may itself hold spaces and brackets. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
