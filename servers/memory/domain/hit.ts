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
  readonly around?: readonly Beside[];
}

/** What each retriever adds to the score, with its weight. Null: it did not run. */
export interface Why {
  readonly lexical: number | null;
  readonly vector: number | null;
  readonly graph: number | null;
  readonly recency: number | null;
  readonly usage: number | null;
}

/** A memory beside a hit in its session. */
export interface Beside {
  readonly id: string;
  readonly seq?: number;
  readonly author?: string;
  readonly snippet: string;
}

export interface HitOptions {
  readonly terms: ReadonlySet<string>;
  /** What this hit may cost; the snippet takes what the other fields leave, 80 to 400 characters. */
  readonly maxTokens: number;
  readonly explain: boolean;
  /** Ids of memories whose file has changed since. */
  readonly stale: ReadonlySet<string>;
}

/** What a hit is made of. */
export interface Match {
  readonly memory: Memory;
  readonly score: number;
  readonly why: Why;
  /** Memories beside it in its session, in order. */
  readonly around: readonly Memory[];
}

export function hitOf(
  { memory, score, why, around }: Match,
  { terms, maxTokens, explain, stale }: HitOptions,
): Hit {
  const { source, thread } = memory;
  const fieldChars = clamp(Math.floor(maxTokens / 2), 40, 200);
  const shortened = (text: string): string => cut(cleanText(text), fieldChars);
  const bare = {
    id: memory.id,
    kind: memory.kind,
    title: memory.title === undefined ? firstLine(memory.text) : shortened(memory.title),
    snippet: "",
    score: rounded(score),
    ...(source === undefined ? {} : { source: mapSource(source, shortened) }),
    ...(thread === undefined ? {} : { thread: mapThread(thread, shortened) }),
    version: memory.version,
    trust: trustOf(memory),
    ...(stale.has(memory.id) ? { stale: true as const } : {}),
    ...(explain ? { why: roundedWhy(why) } : {}),
    ...(around.length === 0 ? {} : { around: around.map((one) => besideOf(one, terms, maxTokens)) }),
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

function mapThread({ id, session, seq, author }: Thread, change: (text: string) => string): Thread {
  return {
    id: change(id),
    ...(session === undefined ? {} : { session: change(session) }),
    ...(seq === undefined ? {} : { seq }),
    ...(author === undefined ? {} : { author: change(author) }),
  };
}

function besideOf({ id, thread, text }: Memory, terms: ReadonlySet<string>, maxTokens: number): Beside {
  return {
    id,
    ...(thread?.seq === undefined ? {} : { seq: thread.seq }),
    ...(thread?.author === undefined ? {} : { author: cut(cleanText(thread.author), 40) }),
    snippet: snippetOf(cleanText(text), terms, clamp(maxTokens, 40, 160)),
  };
}

function roundedWhy({ lexical, vector, graph, recency, usage }: Why): Why {
  const shown = (value: number | null): number | null => (value === null ? null : rounded(value));
  return {
    lexical: shown(lexical),
    vector: shown(vector),
    graph: shown(graph),
    recency: shown(recency),
    usage: shown(usage),
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
