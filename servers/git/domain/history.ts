/** A commit as the log shows it; every text is as the repository has it and still has to be cleaned. */
export interface LoggedCommit {
  readonly id: string;
  readonly parents: readonly string[];
  readonly author: string;
  readonly email: string;
  /** Milliseconds since the epoch. */
  readonly authoredAt: number;
  readonly subject: string;
}

/** For `git log -z`. */
export const LOG_FORMAT = "%H%x00%P%x00%an%x00%ae%x00%at%x00%s";
const LOG_FIELDS = 6;

/** Reads what `git log -z --format=LOG_FORMAT` prints. */
export function parseLog(output: string): readonly LoggedCommit[] {
  const fields = output.split("\0");
  const commits: LoggedCommit[] = [];
  for (let at = 0; at + LOG_FIELDS <= fields.length; at += LOG_FIELDS) {
    const [id = "", parents = "", author = "", email = "", seconds = "", subject = ""] = fields.slice(
      at,
      at + LOG_FIELDS,
    );
    commits.push({
      id,
      parents: parents === "" ? [] : parents.split(" "),
      author,
      email,
      authoredAt: milliseconds(seconds),
      subject,
    });
  }
  return commits;
}

// Source: ECMA-262, 21.4.1.1: a date reaches 8.64e15 ms either way. A commit may claim any number.
const LATEST_MS = 8.64e15;

function milliseconds(seconds: string): number {
  const value = Number(seconds) * 1000;
  return Number.isFinite(value) ? Math.max(-LATEST_MS, Math.min(LATEST_MS, value)) : 0;
}

/** A line of a file and the commit that it is from. */
export interface BlamedLine {
  /** 1-based. */
  readonly line: number;
  readonly commit: string;
  readonly author: string;
  readonly authoredAt: number;
  /** The commit is where a shallow clone ends: the line may be older. */
  readonly boundary: boolean;
  readonly text: string;
}

/** Reads `git blame --porcelain`. Source: git-blame(1), "The porcelain format". */
export function parseBlame(output: string): readonly BlamedLine[] {
  const known = new Map<string, { author: string; authoredAt: number; boundary: boolean }>();
  const lines: BlamedLine[] = [];
  let commit = "";
  let line = 0;
  for (const row of output.split("\n")) {
    const header = /^([0-9a-f]{40,64}) \d+ (\d+)/.exec(row);
    if (row.startsWith("\t")) {
      const about = known.get(commit) ?? { author: "", authoredAt: 0, boundary: false };
      lines.push({ line, commit, ...about, text: row.slice(1) });
    } else if (header?.[1] !== undefined) {
      commit = header[1];
      line = Number(header[2]);
      if (!known.has(commit)) known.set(commit, { author: "", authoredAt: 0, boundary: false });
    } else {
      const about = known.get(commit);
      if (about === undefined) continue;
      if (row.startsWith("author ")) about.author = row.slice(7);
      if (row.startsWith("author-time ")) about.authoredAt = milliseconds(row.slice(12));
      if (row === "boundary") about.boundary = true;
    }
  }
  return lines;
}

/** Where a reader of a list goes on: the commit it began at, and how many entries were given. */
export interface HistoryCursor {
  readonly start: string;
  readonly given: number;
}

export function formatHistoryCursor({ start, given }: HistoryCursor): string {
  return `${start}.${given}`;
}

/** Undefined when the text is not one of our cursors. */
export function parseHistoryCursor(text: string): HistoryCursor | undefined {
  const [, start, given] = /^([0-9a-f]{40}|[0-9a-f]{64})\.(\d{1,9})$/.exec(text) ?? [];
  return start === undefined ? undefined : { start, given: Number(given) };
}
