/** One place of a text that changed: from a line on (1-based), so many lines were replaced by these. */
export interface Hunk {
  /** The first replaced line; where none is, the line after which the new ones stand. */
  readonly start: number;
  readonly removed: number;
  /** Each with its line end. */
  readonly added: readonly string[];
}

/** Cuts a text into lines that keep their ends; joined again they are the text. */
export function linesOf(text: string): readonly string[] {
  return text === "" ? [] : text.split(/(?<=\n)/u);
}

/** Reads the hunks of one file's unified diff without context (`--unified=0`). */
export function parseHunks(diff: string): readonly Hunk[] {
  const hunks: { start: number; removed: number; added: string[] }[] = [];
  for (const line of diff.split("\n")) {
    const head = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@/.exec(line);
    if (head !== null) {
      hunks.push({ start: Number(head[1]), removed: Number(head[2] ?? 1), added: [] });
      continue;
    }
    const added = hunks.at(-1)?.added;
    if (added === undefined) continue;
    if (line.startsWith("+")) added.push(`${line.slice(1)}\n`);
    // It speaks of the line before it: one that was added, or one that was removed before anything was added.
    else if (line.startsWith("\\") && added.length > 0) added.push((added.pop() ?? "").slice(0, -1));
  }
  return hunks;
}

/** Makes some of a change's hunks, in any number, in the text they were read against. */
export function applyHunks(before: string, hunks: readonly Hunk[]): string {
  const lines = [...linesOf(before)];
  for (const { start, removed, added } of [...hunks].sort((one, other) => other.start - one.start)) {
    lines.splice(removed === 0 ? start : start - 1, removed, ...added);
  }
  return lines.join("");
}
