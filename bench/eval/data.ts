import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** One turn of a conversation; `id` is the one that evidence names. */
export interface Turn {
  readonly id: string;
  readonly session: number;
  readonly seq: number;
  readonly author: string;
  readonly text: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface Asked {
  readonly question: string;
  readonly category: number;
  readonly evidence: ReadonlySet<string>;
}

export interface Conversation {
  readonly id: string;
  readonly turns: readonly Turn[];
  readonly questions: readonly Asked[];
}

const Said = z.object({
  speaker: z.string(),
  dia_id: z.string(),
  text: z.string(),
  blip_caption: z.string().optional(),
});
const Locomo = z.array(
  z.object({
    sample_id: z.string(),
    conversation: z.record(z.string(), z.unknown()),
    qa: z.array(
      z.object({
        question: z.string(),
        category: z.int(),
        evidence: z.array(z.string()).default([]),
      }),
    ),
  }),
);

/** Questions about things that were never said. */
export const ADVERSARIAL = 5;

/** Reads `locomo-dev.json`. Evidence that names no turn is left out, and so are questions that have no other. */
export function readLocomo(folder: string): readonly Conversation[] {
  return Locomo.parse(JSON.parse(readFileSync(join(folder, "locomo-dev.json"), "utf8"))).map(
    ({ sample_id: id, conversation, qa }) => {
      const turns = turnsOf(conversation);
      const known = new Set(turns.map((turn) => turn.id));
      const questions = qa.map(({ question, category, evidence }) => ({
        question,
        category,
        evidence: new Set(evidence.flatMap((ids) => ids.split(/[;\s]+/)).filter((turn) => known.has(turn))),
      }));
      return { id, turns, questions: questions.filter(({ evidence }) => evidence.size > 0) };
    },
  );
}

function turnsOf(conversation: Readonly<Record<string, unknown>>): readonly Turn[] {
  const turns: Turn[] = [];
  for (let session = 1; conversation[`session_${session}`] !== undefined; session += 1) {
    const at = timeOf(z.string().parse(conversation[`session_${session}_date_time`]));
    z.array(Said)
      .parse(conversation[`session_${session}`])
      .forEach(({ speaker, dia_id, text, blip_caption: caption }, seq) =>
        turns.push({
          id: dia_id,
          session,
          seq,
          author: speaker,
          text: `${speaker}: ${text}${caption === undefined ? "" : ` [image: ${caption}]`}`,
          at,
        }),
      );
  }
  return turns;
}

/** "1:56 pm on 8 May, 2023" */
function timeOf(text: string): string {
  const [, time, date] = /^(.+?) on (.+)$/.exec(text) ?? [];
  return new Date(`${date ?? ""} ${time ?? ""} UTC`).toISOString();
}

export interface CodeSearch {
  readonly functions: readonly string[];
  readonly queries: readonly { readonly text: string; readonly answer: number }[];
}

/** Reads `cosqa/`. */
export function readCosqa(folder: string): CodeSearch {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, "cosqa", name), "utf8"));
  const functions: string[] = [];
  for (const [code, index] of Object.entries(z.record(z.string(), z.int()).parse(read("code_idx_map.txt"))))
    functions[index] = code;
  const queries = z
    .array(z.object({ doc: z.string(), retrieval_idx: z.coerce.number() }))
    .parse(read("dev-500.json"));
  return { functions, queries: queries.map(({ doc: text, retrieval_idx: answer }) => ({ text, answer })) };
}
