/** A file or folder that Slipway made and may let go of. */
export interface Kept {
  readonly path: string;
  readonly bytes: number;
  /** Epoch milliseconds of its last change. */
  readonly at: number;
  /** `backup`: copy of a store; `replaced`: what a restore put aside; `host`: copy of a host's configuration; `scratch`: left by work that is over. */
  readonly kind: "backup" | "replaced" | "host" | "scratch";
  /** What it is a copy of: the newest of each stays. */
  readonly of: string;
}

export interface Rules {
  readonly now: number;
  /** Older copies go. */
  readonly keepDays: number;
  /** What the copies that stay may take together; undefined for any. */
  readonly mostBytes: number | undefined;
}

export interface Condemned extends Kept {
  readonly why: "old" | "over budget";
}

const DAY_MS = 86_400_000;
/** Work that is going on has its leavings, too. */
const SCRATCH_DAYS = 1;

/**
 * Chooses what goes: everything older than the days given, then the oldest until the rest is within the budget. The
 * newest copy of each thing stays whatever its age; scratch has no newest, and stays for a day in any case.
 */
export function chooseGarbage(
  all: readonly Kept[],
  { now, keepDays, mostBytes }: Rules,
): readonly Condemned[] {
  const newest = new Map<string, Kept>();
  for (const kept of all) {
    const known = newest.get(kept.of);
    if (kept.kind !== "scratch" && (known === undefined || known.at < kept.at)) newest.set(kept.of, kept);
  }
  const isInUse = ({ kind, at }: Kept): boolean => kind === "scratch" && at >= now - SCRATCH_DAYS * DAY_MS;
  const oldestFirst = all
    .filter((kept) => newest.get(kept.of) !== kept && !isInUse(kept))
    .toSorted((a, b) => a.at - b.at);
  const isOld = ({ at }: Kept): boolean => at < now - keepDays * DAY_MS;
  const condemned: Condemned[] = oldestFirst.filter(isOld).map((kept) => ({ ...kept, why: "old" }));
  let left = sum(all) - sum(condemned);
  for (const kept of oldestFirst) {
    if (mostBytes === undefined || left <= mostBytes) break;
    if (isOld(kept)) continue;
    condemned.push({ ...kept, why: "over budget" });
    left -= kept.bytes;
  }
  return condemned;
}

function sum(kept: readonly Kept[]): number {
  return kept.reduce((total, { bytes }) => total + bytes, 0);
}
