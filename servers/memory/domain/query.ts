import { runsOf } from "./tokens.ts";

/** The most names looked up for one query, and the most words one name has. */
const MOST_NAMES = 200;
const MOST_WORDS = 3;

/** What in a query may be the name of an entity: each word and up to three in a row, as written and in lower case. */
export function namesIn(query: string): readonly string[] {
  const words = runsOf(query.slice(0, 4_000).toWellFormed()).map(({ text }) => text);
  const names = new Set<string>();
  for (let size = MOST_WORDS; size >= 1; size -= 1)
    for (let at = 0; at + size <= words.length && names.size < MOST_NAMES; at += 1) {
      const name = words.slice(at, at + size).join(" ");
      names.add(name).add(name.toLowerCase());
    }
  return [...names];
}

/** Paths and file names in a query, in lower case and with forward slashes. */
export function pathsIn(query: string): readonly string[] {
  const runs = query.slice(0, 50_000).match(/[\w@.\\/-]+/g) ?? [];
  const paths = runs
    .map((run) =>
      run
        .replaceAll("\\", "/")
        .replace(/^(?:\.?\/)+|[./]+$/g, "")
        .toLowerCase(),
    )
    .filter((run) => run.includes("/") || /[a-z_]\.[a-z]{1,5}$/.test(run));
  return [...new Set(paths)].slice(0, MOST_NAMES);
}
