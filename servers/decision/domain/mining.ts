import type { FileChange, PastCommit } from "./change.ts";
import type { Lesson } from "./learning/living-model.ts";
import { metricsOf } from "./metrics.ts";
import { MATURITY_MS } from "./outcome.ts";

/** Lines that a commit takes out of a file and puts in its place. */
export interface Hunk {
  /** The first line taken out, from 1; with none taken out, the line after which the new ones come. */
  readonly at: number;
  /** Whether each line taken out says anything: not blank, and no more than a bracket. */
  readonly removed: readonly boolean[];
  readonly added: number;
}

export interface MinedFile {
  readonly path: string;
  readonly isBinary: boolean;
  readonly isNew: boolean;
  readonly isDeleted: boolean;
  readonly hunks: readonly Hunk[];
}

/** A commit on the main line with what it changes against the one before. */
export interface MinedCommit {
  readonly id: string;
  readonly author: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly message: string;
  readonly files: readonly MinedFile[];
}

export interface Mined {
  readonly lessons: readonly Lesson[];
  readonly commits: number;
  readonly fixes: number;
  readonly reverts: number;
  /** Commits too young to be called good, and left out. */
  readonly young: number;
}

const FIX = /\b(?:bug|bugs|fix|fixe[sd]|fixing|hotfix|defects?|regressions?)\b/i;
const REVERTED = /\bThis reverts commit ([0-9a-f]{7,64})\b/gi;
/** What is changed in these is no cause of a defect. */
const NO_CODE =
  /\.(?:md|txt|rst|adoc|lock|snap|svg|csv)$|(?:^|\/)(?:package-lock\.json|LICENSE|CHANGELOG[^/]*)$/i;
/** A commit that touches more is a move or a new format, not a fix. */
const MOST_FIXED_FILES = 50;

/**
 * Finds which commits were mended later: those that a fix takes lines from, or that a revert names. `commits` are in
 * the order of the main line, oldest first; lines are followed from commit to commit, so blame is exact for files that
 * came to be within them and unknown for older lines. A commit is labelled bad when it was blamed, from then on, and
 * good once 90 days have passed without; younger ones are left out, the blamed with them.
 *
 * Source: Sliwerski, Zimmermann and Zeller, MSR 2005 (blame of fixing commits; noisy: da Costa et al., IEEE TSE 43(7),
 * 2017, find that no such method is right about every cause).
 */
export function mine(commits: readonly MinedCommit[]): Mined {
  const owners = new Map<string, (number | undefined)[]>();
  const whole = new Set<string>();
  const blamedAt = new Map<number, number>();
  const past: PastCommit[] = [];
  const measured: Omit<Lesson, "due" | "label">[] = [];
  let [fixes, reverts] = [0, 0];
  for (const [index, commit] of commits.entries()) {
    const blame = (cause: number | undefined): void => {
      if (cause !== undefined && cause !== index && !blamedAt.has(cause)) blamedAt.set(cause, commit.at);
    };
    const reverted = [...commit.message.matchAll(REVERTED)].map(([, id = ""]) =>
      commits.findIndex((each, i) => i < index && each.id.startsWith(id.toLowerCase())),
    );
    for (const cause of reverted) blame(cause === -1 ? undefined : cause);
    if (reverted.length > 0) reverts += 1;
    const isFix =
      reverted.length === 0 && FIX.test(commit.message) && commit.files.length <= MOST_FIXED_FILES;
    if (isFix) fixes += 1;
    measured.push({
      id: `git:${commit.id}`,
      at: commit.at,
      metrics: metricsOfCommit(commit, owners, whole, past),
    });
    for (const file of commit.files) {
      const lines = file.isNew ? [] : (owners.get(file.path) ?? []);
      if (file.isNew) whole.add(file.path);
      for (const cause of replaced(lines, file.hunks, index))
        if (isFix && !NO_CODE.test(file.path)) blame(cause);
      if (file.isDeleted) owners.delete(file.path);
      else owners.set(file.path, lines);
    }
    past.unshift({ author: commit.author, at: commit.at, paths: commit.files.map(({ path }) => path) });
  }
  const end = commits.reduce((latest, { at }) => Math.max(latest, at), 0);
  const lessons = measured.flatMap((each, index): readonly Lesson[] => {
    // Also those that were blamed already: of young commits only the bad ones would be known.
    if (each.at + MATURITY_MS > end) return [];
    const blamed = blamedAt.get(index);
    // A clock set back must not let a label come before its commit.
    if (blamed !== undefined) return [{ ...each, due: Math.max(each.at, blamed), label: 1 }];
    return [{ ...each, due: each.at + MATURITY_MS, label: 0 }];
  });
  return { lessons, commits: commits.length, fixes, reverts, young: commits.length - lessons.length };
}

/** Puts the hunks into the lines' owners, and gives back who owned the lines that were taken out and say anything. */
function replaced(
  lines: (number | undefined)[],
  hunks: readonly Hunk[],
  owner: number,
): readonly (number | undefined)[] {
  const taken: (number | undefined)[] = [];
  // From the end, so that earlier positions still hold.
  for (const { at, removed, added } of hunks.toReversed()) {
    const from = removed.length === 0 ? at : at - 1;
    // Lines above that were never seen are nobody's.
    while (lines.length < from) lines.push(undefined);
    const out = lines.splice(from, removed.length, ...Array.from({ length: added }, () => owner));
    for (const [i, says] of removed.entries()) if (says) taken.push(out[i]);
  }
  return taken;
}

function metricsOfCommit(
  { id, author, at, message, files }: MinedCommit,
  owners: ReadonlyMap<string, readonly unknown[]>,
  whole: ReadonlySet<string>,
  past: readonly PastCommit[],
): Lesson["metrics"] {
  return metricsOf({
    base: null,
    head: id,
    author,
    at,
    files: files.map((file): FileChange => ({
      path: file.path,
      previousPath: file.path,
      added: file.isBinary ? null : file.hunks.reduce((sum, { added }) => sum + added, 0),
      deleted: file.isBinary ? null : file.hunks.reduce((sum, { removed }) => sum + removed.length, 0),
      linesBefore: file.isNew ? 0 : whole.has(file.path) ? (owners.get(file.path)?.length ?? 0) : null,
    })),
    messages: [message],
    past,
    historyKnown: true,
    historyCut: false,
  });
}
