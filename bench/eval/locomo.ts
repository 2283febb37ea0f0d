import type { Weights } from "../../servers/memory/index.ts";
import { ADVERSARIAL, type Conversation } from "./data.ts";
import { meanOf, recallOf } from "./metrics.ts";
import type { Measured } from "./server.ts";

/** Conversations in a store, and which memory is which turn. */
export interface Stored {
  readonly conversations: readonly Conversation[];
  /** Turn and session by memory id. */
  readonly turns: ReadonlyMap<string, { readonly id: string; readonly session: number }>;
}

/** Remembers every turn as a message of its session. */
export async function storeConversations(
  server: Measured,
  conversations: readonly Conversation[],
): Promise<Stored> {
  const turns = new Map<string, { readonly id: string; readonly session: number }>();
  for (const conversation of conversations) {
    const ids = await server.remember(
      conversation.turns.map(({ text, session, seq, author, at }) => ({
        text,
        kind: "message",
        thread: { id: conversation.id, session: `session ${session}`, seq, author },
        valid_from: at,
      })),
    );
    ids.forEach((id, at) => {
      const turn = conversation.turns[at];
      if (turn !== undefined) turns.set(id, { id: turn.id, session: turn.session });
    });
  }
  return { conversations, turns };
}

/** Recall of evidence turns among the first ten, per conversation and question; adversarial questions are left out. */
export async function turnRecall(
  server: Measured,
  { conversations, turns }: Stored,
  more: object = {},
): Promise<readonly (readonly number[])[]> {
  const all: number[][] = [];
  for (const { id: thread, questions } of conversations) {
    const own: number[] = [];
    for (const { question, category, evidence } of questions) {
      if (category === ADVERSARIAL) continue;
      const hits = await server.recall({ query: question, k: 10, thread, ...more });
      own.push(
        recallOf(
          evidence,
          hits.map((id) => turns.get(id)?.id ?? ""),
        ),
      );
    }
    all.push(own);
  }
  return all;
}

/** Whether the first session found holds evidence, per conversation and question of every category. */
export async function sessionHits(
  server: Measured,
  { conversations, turns }: Stored,
): Promise<readonly (readonly number[])[]> {
  const all: number[][] = [];
  for (const { id: thread, questions } of conversations) {
    const own: number[] = [];
    for (const { question, evidence } of questions) {
      const [first] = await server.recall({ query: question, k: 1, thread, group_by: "session" });
      const session = turns.get(first ?? "")?.session;
      own.push([...evidence].some((turn) => turn.startsWith(`D${session}:`)) ? 1 : 0);
    }
    all.push(own);
  }
  return all;
}

type Tried = Partial<Weights>;

/** What the weights are chosen from. */
export const GRID: readonly Tried[] = [0.35, 0.5].flatMap((neighbour) =>
  [0.5, 0.8, 1.1].flatMap((session) => [0.2, 0.4].map((author) => ({ neighbour, session, author }))),
);

/** Of vectors alone, the rest as shipped. */
export const VECTOR_GRID: readonly Tried[] = [0.2, 0.4, 0.7, 1, 1.5].map((vector) => ({ vector }));

/**
 * Leave-one-conversation-out: each conversation is scored with the weights that are best on the others.
 *
 * @returns the scores, and the weights chosen for each conversation.
 */
export async function leaveOneOut(
  server: Measured,
  stored: Stored,
  grid: readonly Tried[],
): Promise<{ readonly scores: readonly number[]; readonly chosen: readonly Tried[] }> {
  const tried: { readonly weights: Tried; readonly scores: readonly (readonly number[])[] }[] = [];
  for (const weights of grid) {
    const other = await server.withWeights(weights);
    tried.push({ weights, scores: await turnRecall(other, stored) });
    await other.close();
  }
  const scores: number[] = [];
  const chosen: Tried[] = [];
  stored.conversations.forEach((_, held) => {
    const best = tried.toSorted((a, b) => meanWithout(b.scores, held) - meanWithout(a.scores, held))[0];
    if (best === undefined) return;
    chosen.push(best.weights);
    scores.push(...(best.scores[held] ?? []));
  });
  return { scores, chosen };
}

function meanWithout(scores: readonly (readonly number[])[], held: number): number {
  return meanOf(scores.filter((_, at) => at !== held).flat());
}

const CATEGORIES = ["multi-hop", "temporal", "open-domain", "single-hop"] as const;

/** Scores by the kind of question, in the order of `turnRecall`. */
export function byCategory(
  conversations: readonly Conversation[],
  scores: readonly (readonly number[])[],
): readonly (readonly [category: string, scores: readonly number[]])[] {
  const asked = conversations.flatMap(({ questions }) =>
    questions.filter(({ category }) => category !== ADVERSARIAL),
  );
  const flat = scores.flat();
  return CATEGORIES.map((name, at) => [name, flat.filter((_, i) => asked[i]?.category === at + 1)]);
}
