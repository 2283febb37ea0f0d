/** A line that a diff adds or removes, with the file it is in and its number there. */
export interface DiffLine {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export interface SideDiff {
  readonly added: readonly DiffLine[];
  readonly removed: readonly DiffLine[];
}

/** Reads a patch of `git diff --unified=0`. Source: git-diff(1), "Generating patch text with -p". */
export function parsePatchLines(patch: string): SideDiff {
  const added: DiffLine[] = [];
  const removed: DiffLine[] = [];
  let file = "";
  let [old, fresh, oldLeft, freshLeft] = [0, 0, 0, 0];
  for (const row of patch.split("\n")) {
    if (oldLeft > 0 && row.startsWith("-")) {
      removed.push({ file, line: old, text: row.slice(1) });
      old += 1;
      oldLeft -= 1;
    } else if (freshLeft > 0 && row.startsWith("+")) {
      added.push({ file, line: fresh, text: row.slice(1) });
      fresh += 1;
      freshLeft -= 1;
    } else if (row.startsWith("+++ ")) {
      if (row.startsWith("+++ b/")) file = row.slice(6).replace(/\t$/, "");
    } else if (row.startsWith("--- a/")) {
      file = row.slice(6).replace(/\t$/, "");
    } else {
      const [, from, fromCount, to, toCount] = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(row) ?? [];
      if (from === undefined) continue;
      [old, fresh] = [Number(from), Number(to)];
      [oldLeft, freshLeft] = [Number(fromCount ?? 1), Number(toCount ?? 1)];
    }
  }
  return { added, removed };
}

/** A symbol that one side took away and the other begins to use. */
export interface BrokenUse {
  readonly symbol: string;
  readonly removedBy: "source" | "target";
  /** File that uses it. */
  readonly path: string;
  readonly lines: readonly number[];
}

/**
 * Finds uses that a clean merge would leave without what they use: names whose declaration is gone on one side and that
 * stand in more lines than before on the other. Names only, no scopes: it may report one too many, and it knows
 * declarations by their keyword.
 */
export function findBrokenUses(target: SideDiff, source: SideDiff): readonly BrokenUse[] {
  return [...brokenBy("target", target, source), ...brokenBy("source", source, target)];
}

function brokenBy(
  removedBy: BrokenUse["removedBy"],
  remover: SideDiff,
  user: SideDiff,
): readonly BrokenUse[] {
  const gone = new Set(remover.removed.flatMap(declaredIn));
  for (const name of [...remover.added, ...user.added].flatMap(declaredIn)) gone.delete(name);
  if (gone.size === 0) return [];
  const uses = new Map<string, { symbol: string; path: string; lines: number[]; before: number }>();
  const note = (row: DiffLine, isNew: boolean): void => {
    for (const symbol of new Set(wordsOf(row.text))) {
      if (!gone.has(symbol)) continue;
      const id = `${row.file}\0${symbol}`;
      const use = uses.get(id) ?? { symbol, path: row.file, lines: [], before: 0 };
      uses.set(id, use);
      if (isNew) use.lines.push(row.line);
      else use.before += 1;
    }
  };
  for (const row of user.added) note(row, true);
  for (const row of user.removed) note(row, false);
  return [...uses.values()]
    .filter(({ lines, before }) => lines.length > before)
    .map(({ symbol, path, lines }) => ({ symbol, removedBy, path, lines }));
}

const CODE = /\.(?:[cm]?[jt]sx?|py|go|rs|java|kt|rb|php|cs|swift|scala|c|h|cc|cpp|hpp)$/;
const DECLARATION =
  /^(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:pub(?:\([^)]*\))?\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\*?|class|const|let|var|interface|type|enum|def|func(?:\s*\([^)]*\))?|fn|struct|trait|object)\s+([A-Za-z_$][\w$]*)/;

/** Declarations at the top level, and in languages that indent them also methods. */
function declaredIn({ file, text }: DiffLine): readonly string[] {
  if (!CODE.test(file)) return [];
  const name = DECLARATION.exec(/^\s+def\s/.test(text) ? text.trimStart() : text)?.[1];
  return name === undefined || name.length < 3 ? [] : [name];
}

function wordsOf(text: string): readonly string[] {
  return /^\s*(?:\/\/|#|\*)/.test(text) ? [] : (text.match(/[A-Za-z_$][\w$]*/g) ?? []);
}
