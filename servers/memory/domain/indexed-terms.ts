import { languageOf } from "./language.ts";
import type { Memory } from "./memory.ts";
import { tokensOf } from "./tokens.ts";

/** What is indexed of a memory, in parts that say more or less about it. */
export type Indexed = Pick<
  Memory,
  "kind" | "title" | "text" | "tags" | "entities" | "source" | "startsAt" | "updatedAt"
>;

/** A word in the title says most; names (tags, entities, path) are short, so that BM25 alone would overrate them. */
const TITLE = 2;
const TEXT = 1;
/** Of code without a title: its first line and the first line of its documentation, on top of the text they are in. */
const LEAD = 1;
const NAMES = 0.5;

/** Tokens of a memory, each with how often it occurs, weighted by where. */
export function indexedTerms(
  memory: Indexed,
  seen?: Map<string, readonly string[]>,
): ReadonlyMap<string, number> {
  const terms = new Map<string, number>();
  const add = (text: string, weight: number): void => {
    for (const token of tokensOf(text, seen)) terms.set(token, (terms.get(token) ?? 0) + weight);
  };
  add(memory.text, TEXT);
  if (memory.title !== undefined) add(memory.title, TITLE);
  else if (memory.kind === "code") add(leadOf(memory.text), LEAD);
  add(namesOf(memory).join(" "), NAMES);
  return terms;
}

function namesOf(memory: Indexed): readonly string[] {
  const { kind, tags, entities, source, text } = memory;
  // A query for code often names its language, which no function of that language does.
  const language = kind === "code" ? languageOf(source?.path, text) : undefined;
  return [...tags, ...entities.map(({ name }) => name), source?.path ?? "", language ?? "", dateOf(memory)];
}

const MONTHS = "January February March April May June July August September October November December".split(
  " ",
);

/** What was dated is found by its date in words, as questions have it; when it was only recorded says nothing. */
function dateOf({ startsAt, updatedAt }: Indexed): string {
  if (startsAt === updatedAt) return "";
  const date = new Date(startsAt);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ""} ${date.getUTCFullYear()}`;
}

const DOCUMENTATION = /(?:"""|'''|\/\*\*?|\/\/[/!]?|#)[ \t]*(?:\n[ \t]*\*?[ \t]*)?([^\n]*)/;

function leadOf(text: string): string {
  const first = text.slice(0, 500).trimStart().split("\n", 1)[0] ?? "";
  return `${first}\n${DOCUMENTATION.exec(text.slice(0, 4_000))?.[1] ?? ""}`;
}
