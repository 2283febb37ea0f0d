import { cleanText } from "../../../kernel/text.ts";
import { estimateTokens } from "../../../kernel/tokens.ts";
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
  /** The file it is about has changed since, or is gone. */
  readonly stale?: true;
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
  /** What this hit may cost; the snippet takes what the other fields leave, 80 to 400 characters. */
  readonly maxTokens: number;
  readonly explain: boolean;
  /** Ids of memories whose file has changed since. */
  readonly stale: ReadonlySet<string>;
}

export function hitOf(
  memory: Memory,
  lexical: number,
  { terms, now, maxTokens, explain, stale }: HitOptions,
): Hit {
  const { source, thread } = memory;
  const fieldChars = clamp(Math.floor(maxTokens / 2), 40, 200);
  const shortened = (text: string): string => cut(cleanText(text), fieldChars);
  const bare = {
    id: memory.id,
    kind: memory.kind,
    title: memory.title === undefined ? firstLine(memory.text) : shortened(memory.title),
    snippet: "",
    score: rounded(lexical),
    ...(source === undefined ? {} : { source: mapSource(source, shortened) }),
    ...(thread === undefined ? {} : { thread: mapThread(thread, shortened) }),
    version: memory.version,
    trust: trustOf(memory),
    ...(stale.has(memory.id) ? { stale: true as const } : {}),
    ...(explain
      ? {
          why: {
            lexical: rounded(lexical),
            vector: null,
            graph: null,
            recency: recencyOf(memory, now),
            usage: null,
          },
        }
      : {}),
  };
  const text = cleanText(memory.text);
  const charsPerToken = Math.min(3, text.length / Math.max(1, estimateTokens(text)));
  const room = maxTokens - estimateTokens(JSON.stringify(bare)) - 4;
  return { ...bare, snippet: snippetOf(text, terms, clamp(Math.floor(room * charsPerToken), 80, 400)) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

function firstLine(text: string): string {
  return cut(cleanText(text.slice(0, 200)).trim().split("\n", 1)[0] ?? "", 60);
}

function cut(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

function mapSource({ uri, path, commit }: Source, change: (text: string) => string): Source {
  return {
    ...(uri === undefined ? {} : { uri: change(uri) }),
    ...(path === undefined ? {} : { path: change(path) }),
    ...(commit === undefined ? {} : { commit: change(commit) }),
  };
}

function mapThread({ id, seq, author }: Thread, change: (text: string) => string): Thread {
  return {
    id: change(id),
    ...(seq === undefined ? {} : { seq }),
    ...(author === undefined ? {} : { author: change(author) }),
  };
}

function recencyOf({ updatedAt }: Memory, now: number): number {
  return rounded(0.5 ** (Math.max(0, now - updatedAt) / HALF_LIFE_MS));
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
