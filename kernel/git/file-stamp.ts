import { stat } from "node:fs/promises";
import type { Clock } from "../clock.ts";

/** Coarser than the clock of any file system that notes parts of a second. */
const TICK_MS = 20n;
const SECOND_NS = 1_000_000_000n;

/**
 * What tells one state of a file from another: identity, owner, size and times. "absent" where there is none. Undefined
 * while a change could go unnoticed: the file is younger than its file system's clock can tell apart, or the file
 * system only notes whole seconds.
 */
export async function fileStamp(file: string, clock: Clock): Promise<string | undefined> {
  try {
    const { mtimeNs, ctimeNs, size, ino, uid } = await stat(file, { bigint: true });
    const isOld = BigInt(clock()) * 1_000_000n - ctimeNs > TICK_MS * 1_000_000n;
    if (!isOld || ctimeNs % SECOND_NS === 0n) return undefined;
    return `${ino}:${uid}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return "absent";
  }
}

/** One stamp of several files; undefined where one of them has none. */
export async function fileStamps(files: readonly string[], clock: Clock): Promise<string | undefined> {
  const stamps = await Promise.all(files.map((file) => fileStamp(file, clock)));
  return stamps.every((stamp) => stamp !== undefined) ? stamps.join("|") : undefined;
}
