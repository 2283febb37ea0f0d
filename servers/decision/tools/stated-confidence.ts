import { chosen } from "../domain/confidence/chosen.ts";
import type { Scored } from "../domain/learning/scoring.ts";
import type { Action } from "../domain/policy.ts";
import type { DecisionTx, LessonRecord } from "../store/decision-store.ts";

/** What a stated confidence is worth. */
export interface ReadConfidence {
  readonly stated: number;
  readonly confidence: number;
  /** Outcomes it was read by. */
  readonly outcomes: number;
}

/** Fewer outcomes than these say nothing of an agent or a kind of action. */
const LEAST = 30;
const NEWEST = 500;

/**
 * Reads stated confidence as outcomes so far do: those of this agent on this kind of action, else of this agent, else of
 * all. Never above what was stated: the outcomes may be the agent's own word.
 */
export async function confidenceReader(
  tx: DecisionTx,
  principal: string,
  action: Action,
  now: number,
): Promise<(stated: number) => ReadConfidence> {
  for (const scope of [{ principal, action }, { principal }, {}]) {
    const lessons = await tx.lessons({ now, ...scope, with: "stated", limit: NEWEST });
    if (lessons.length < LEAST) continue;
    const { calibrate } = chosen(successes(lessons));
    return (stated) => ({
      stated,
      confidence: Math.min(stated, calibrate(stated)),
      outcomes: lessons.length,
    });
  }
  return (stated) => ({ stated, confidence: stated, outcomes: 0 });
}

/** Statements and whether it went well, oldest first. */
export function successes(lessons: readonly LessonRecord[]): readonly Scored[] {
  return lessons.flatMap(({ stated, label }) => (stated === null ? [] : [{ p: stated, label: 1 - label }]));
}
