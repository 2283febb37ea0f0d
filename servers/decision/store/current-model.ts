import { digestOf } from "../../../kernel/canonical-json.ts";
import { toIso } from "../../../kernel/clock.ts";
import { MODEL } from "../domain/formula.ts";
import type { Trust } from "../domain/learned-risk.ts";
import type { ChangeMetrics } from "../domain/learning/features.ts";
import { type LearnedRisk, livingModel } from "../domain/learning/living-model.ts";
import type { DecisionTx, LessonRecord, ModelNamed } from "./decision-store.ts";

/** The model in force, as the lessons of this store make it. */
export interface CurrentModel {
  readonly named: ModelNamed;
  readonly trust: Trust;
  /** What its promotion rests on. */
  readonly evidence: Readonly<Record<string, number | string>>;
  judge(metrics: ChangeMetrics): LearnedRisk | null;
}

/** Grows the model when there are new lessons, and keeps it until there are more. */
export interface ModelSource {
  current(tx: DecisionTx, now: number): Promise<CurrentModel>;
}

/** Growing anew takes a second or two: it waits until there are a tenth more lessons, ten at least. */
const LEAST_STEP = 10;
const NEWEST = 5_000;

export const FORMULA: ModelNamed = {
  name: MODEL.name,
  version: MODEL.version,
  trained_on: MODEL.trained_on,
};

export function modelSource(): ModelSource {
  let grown: { readonly key: string; readonly model: CurrentModel } | undefined;
  return {
    async current(tx, now) {
      const { count } = await tx.lessonCount(now);
      const labels = stepped(Math.min(count, (await tx.heldAt()) ?? count));
      if (labels === 0) return fixed();
      const all = await tx.lessons({ now, with: "metrics", limit: count });
      const lessons = all.slice(0, labels).slice(-NEWEST);
      const key = digestOf(lessons.map(({ id, label, due }) => [id, label, due]));
      if (grown?.key !== key) grown = { key, model: grow(lessons, key) };
      return grown.model;
    },
  };
}

/** The largest number of lessons that a model is grown for and that is not above `count`. */
export function stepped(count: number): number {
  const step = Math.max(LEAST_STEP, 2 ** Math.floor(Math.log2(Math.max(1, count / 10))));
  return Math.floor(count / step) * step;
}

function fixed(): CurrentModel {
  return { named: FORMULA, trust: "full", evidence: {}, judge: () => null };
}

function grow(lessons: readonly LessonRecord[], key: string): CurrentModel {
  const model = livingModel(
    lessons.flatMap(({ id, at, due, metrics, label }) =>
      metrics === null ? [] : [{ id, at, due, metrics, label }],
    ),
  );
  if (model.name === "weighted_formula") return fixed();
  const mined = lessons.filter(({ attested }) => attested === "mined").length;
  const self = lessons.filter(({ attested }) => attested === "self").length;
  const last = model.promotions.at(-1);
  return {
    named: {
      name: model.name,
      version: `${lessons.length}-${key.slice(0, 12)}`,
      trained_on: `${lessons.length} changes (${mined} of the repository's past, ${self} reported by those who made them), until ${toIso(lessons.at(-1)?.due ?? 0)}`,
    },
    trust: self > 0 ? "raise" : "full",
    evidence: last === undefined ? {} : { evidence_nats: last.evidence, labels: last.labels },
    judge: (metrics) => model.judge(metrics),
  };
}
