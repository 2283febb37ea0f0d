import type { ChangeInHistory, FileChange, PastCommit } from "./change.ts";

/**
 * The fourteen change metrics; null where the repository does not tell.
 *
 * Source: Kamei et al., "A Large-Scale Empirical Study of Just-in-Time Quality Assurance", IEEE TSE 39(6), 2013.
 */
export interface Metrics {
  /** Subsystems touched: top-level folders. */
  readonly ns: number;
  /** Folders touched. */
  readonly nd: number;
  /** Files touched. */
  readonly nf: number;
  /** How evenly the changed lines spread over the files, in bits: 0 for one file. */
  readonly entropy: number;
  /** Lines added; null when every file is binary. */
  readonly la: number | null;
  /** Lines deleted; null when every file is binary. */
  readonly ld: number | null;
  /** Lines of the touched files before the change. */
  readonly lt: number | null;
  /** 1 when a commit message says that it fixes something. */
  readonly fix: 0 | 1;
  /** Developers who changed these files before. */
  readonly ndev: number | null;
  /** Mean days since these files changed last; null when none of them did. */
  readonly age: number | null;
  /** Earlier commits that changed any of these files. */
  readonly nuc: number | null;
  /** Earlier commits of the author. */
  readonly exp: number | null;
  /** Earlier commits of the author, each divided by its age in years plus one. */
  readonly rexp: number | null;
  /** Earlier commits of the author in the same subsystems. */
  readonly sexp: number | null;
}

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
// Source: the key words of Kamei et al. 2013, section 3.2 ("bug", "fix", "defect", "patch").
const FIX_WORDS = /\b(?:bug|bugs|fix|fixe[sd]|fixing|defects?|patch(?:e[sd])?)\b/i;

/** Measures a change against its past. */
export function metricsOf(change: ChangeInHistory): Metrics {
  const { files } = change;
  const text = files.filter((file) => file.added !== null && file.deleted !== null);
  const countable = files.length === 0 || text.length > 0;
  const before = files.map((file) => file.linesBefore);
  return {
    ns: new Set(files.map((file) => subsystemOf(file.path))).size,
    nd: new Set(files.map((file) => folderOf(file.path))).size,
    nf: files.length,
    entropy: entropyOf(text.map(churnOf)),
    la: countable ? sum(text.map((file) => file.added ?? 0)) : null,
    ld: countable ? sum(text.map((file) => file.deleted ?? 0)) : null,
    lt: before.includes(null) ? null : sum(before.map((lines) => lines ?? 0)),
    fix: change.messages.some((message) => FIX_WORDS.test(message)) ? 1 : 0,
    ...historyOf(change),
  };
}

type HistoryMetrics = Pick<Metrics, "ndev" | "age" | "nuc" | "exp" | "rexp" | "sexp">;

function historyOf(change: ChangeInHistory): HistoryMetrics {
  if (!change.historyKnown) return { ndev: null, age: null, nuc: null, exp: null, rexp: null, sexp: null };
  const touched = new Set(change.files.flatMap((file) => [file.path, file.previousPath]));
  const subsystems = new Set(change.files.map((file) => subsystemOf(file.path)));
  // A clock set back must not make the past newer than the change.
  const ageOf = (commit: PastCommit): number => Math.max(0, change.at - commit.at);
  const developers = new Set<string>();
  const lastChange = new Map<string, number>();
  let nuc = 0;
  let exp = 0;
  let rexp = 0;
  let sexp = 0;
  for (const commit of change.past) {
    const hits = commit.paths.filter((path) => touched.has(path));
    for (const path of hits)
      lastChange.set(path, Math.min(lastChange.get(path) ?? Number.POSITIVE_INFINITY, ageOf(commit)));
    if (hits.length > 0) {
      nuc += 1;
      developers.add(commit.author);
    }
    if (commit.author !== change.author) continue;
    exp += 1;
    rexp += 1 / (ageOf(commit) / YEAR_MS + 1);
    if (commit.paths.some((path) => subsystems.has(subsystemOf(path)))) sexp += 1;
  }
  const ages = [...lastChange.values()];
  return {
    ndev: developers.size,
    age: ages.length === 0 ? null : sum(ages) / ages.length / DAY_MS,
    nuc,
    exp,
    rexp,
    sexp,
  };
}

/** Shannon entropy of the shares, in bits. Zero shares count for nothing. */
function entropyOf(amounts: readonly number[]): number {
  const total = sum(amounts);
  if (total === 0) return 0;
  const shares = amounts.filter((amount) => amount > 0).map((amount) => amount / total);
  return Math.max(0, -sum(shares.map((share) => share * Math.log2(share))));
}

function churnOf(file: FileChange): number {
  return (file.added ?? 0) + (file.deleted ?? 0);
}

function subsystemOf(path: string): string {
  const slash = path.indexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
