import { cleanText } from "../../../kernel/text.ts";
import { trustOf, type Memory, type Source, type Thread, type Trust } from "./memory.ts";
import { snippetOf } from "./snippet.ts";

/** A found memory as a reader sees it. All text in it is cleaned: it may come from anywhere. */
export interface Hit {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  readonly snippet: string;
  readonly score: number;
  readonly source?: Source;
  readonly thread?: Thread;
  readonly version: number;
  readonly trust: Trust;
  readonly why?: Why;
}

/** What each retriever said. Null: it did not run. */
export interface Why {
  /** BM25; today it alone is the score. */
  readonly lexical: number;
  readonly vector: null;
  readonly graph: null;
  /** 1 when just written, half of it every 30 days; it decides between equal scores only. */
  readonly recency: number;
  readonly usage: null;
}

const HALF_LIFE_MS = 30 * 24 * 3_600_000;

export interface HitOptions {
  readonly terms: ReadonlySet<string>;
  readonly now: number;
  readonly snippetChars: number;
  readonly explain: boolean;
}

export function hitOf(memory: Memory, lexical: number, { terms, now, snippetChars, explain }: HitOptions): Hit {
  const { source, thread } = memory;
  return {
    id: memory.id,
    kind: memory.kind,
    title: headingOf(memory),
    snippet: snippetOf(cleanText(memory.text), terms, snippetChars),
    score: rounded(lexical),
    ...(source === undefined ? {} : { source: cleanStrings(source) }),
    ...(thread === undefined ? {} : { thread: { ...thread, id: shortened(thread.id), ...(thread.author === undefined ? {} : { author: shortened(thread.author) }) } }),
    version: memory.version,
    trust: trustOf(memory),
    ...(explain ? { why: { lexical: rounded(lexical), vector: null, graph: null, recency: recencyOf(memory, now), usage: null } } : {}),
  };
}

/** The title, or the beginning of the text. */
function headingOf({ title, text }: Memory): string {
  if (title !== undefined) return shortened(title);
  const line = cleanText(text.slice(0, 200)).trim().split("\n", 1)[0] ?? "";
  return line.length <= 60 ? line : `${line.slice(0, 59).toWellFormed()}…`;
}

function cleanStrings({ uri, path, commit }: Source): Source {
  return {
    ...(uri === undefined ? {} : { uri: shortened(uri) }),
    ...(path === undefined ? {} : { path: shortened(path) }),
    ...(commit === undefined ? {} : { commit: shortened(commit) }),
  };
}

function shortened(text: string): string {
  const clean = cleanText(text);
  return clean.length <= 200 ? clean : `${clean.slice(0, 199).toWellFormed()}…`;
}

function recencyOf({ updatedAt }: Memory, now: number): number {
  return rounded(0.5 ** (Math.max(0, now - updatedAt) / HALF_LIFE_MS));
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
