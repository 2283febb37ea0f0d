import { digestOf } from "../../../kernel/canonical-json.ts";
import { toIso } from "../../../kernel/clock.ts";
import { MODEL } from "../domain/formula.ts";
import type { Trust } from "../domain/learned-risk.ts";
import type { ChangeMetrics } from "../domain/learning/features.ts";
import {
  type LearnedRisk,
  type Lesson,
  type LivingModel,
  livingModel,
} from "../domain/learning/living-model.ts";
import type { Scored } from "../domain/learning/scoring.ts";
import { curveOf, type RiskCurve } from "../domain/risk-budget.ts";
import type { DecisionStore, DecisionTx, LessonRecord, ModelNamed } from "./decision-store.ts";

/** The model in force, as the lessons of this store make it. */
export interface CurrentModel {
  readonly named: ModelNamed;
  readonly trust: Trust;
  /** What its promotion rests on. */
  readonly evidence: Readonly<Record<string, number | string>>;
  /** How bad ends lie along its forecasts of the past. */
  readonly curve: RiskCurve;
  /** What it was grown from; none for the formula. */
  readonly lessons: readonly LessonRecord[];
  judge(metrics: ChangeMetrics): LearnedRisk | null;
}

/** Grows the model when there are new lessons, and keeps it until there are more. */
export interface ModelSource {
  current(store: DecisionStore, now: number): Promise<CurrentModel>;
  /**
   * Does `work` in a write with the model as it is then. The model is grown outside of it, so that the write stays
   * short; where lessons came in between, it is grown again.
   */
  within<T>(
    store: DecisionStore,
    now: number,
    write: (work: (tx: DecisionTx) => Promise<T>) => Promise<T>,
    work: (tx: DecisionTx, model: CurrentModel) => Promise<T>,
  ): Promise<T>;
}

/** Growing anew takes a second or two: it waits until there are a tenth more lessons, ten at least. */
const LEAST_STEP = 10;
const NEWEST = 5_000;
/** Lessons that come faster than a model grows do not keep an assessment waiting. */
const TRIES = 3;

export const FORMULA: ModelNamed = {
  name: MODEL.name,
  version: MODEL.version,
  trained_on: MODEL.trained_on,
};

interface Grown {
  /** What the store held then. */
  readonly mark: string;
  /** The lessons that it was grown from. */
  readonly key: string;
  readonly living: LivingModel;
  readonly model: CurrentModel;
}

export function modelSource(): ModelSource {
  let grown: Grown | undefined;
  const upToDate = async (store: DecisionStore, now: number): Promise<Grown> => {
    const seen = await store.read(async (tx) => {
      const mark = await markOf(tx, now);
      return { mark, lessons: grown?.mark === mark ? null : await lessonsFor(tx, now) };
    });
    // Another call may have grown it in the meantime.
    if (grown?.mark === seen.mark) return grown;
    if (seen.lessons === null) return upToDate(store, now);
    const key = digestOf(seen.lessons.used.map(({ id, label, due }) => [id, label, due]));
    const living = grown?.key === key ? grown.living : livingModel(seen.lessons.used.flatMap(withMetrics));
    grown = { mark: seen.mark, key, living, model: currentOf(living, seen.lessons, key) };
    return grown;
  };
  return {
    current: async (store, now) => (await upToDate(store, now)).model,
    async within(store, now, write, work) {
      for (let turn = 1; ; turn += 1) {
        const { mark, model } = await upToDate(store, now);
        try {
          return await write(async (tx) => {
            const isCurrent = (await markOf(tx, now)) === mark;
            if (!isCurrent && turn < TRIES) throw new LessonsCame();
            if (isCurrent) {
              if (model.lessons.length > 0) await tx.keepVersion(model.named, model.lessons, now);
              await tx.putInForce(model.named, model.curve, model.evidence, now);
            }
            return work(tx, model);
          });
        } catch (error) {
          if (!(error instanceof LessonsCame)) throw error;
        }
      }
    },
  };
}

/** Undoes a write whose model is no longer the one in force. */
class LessonsCame extends Error {}

async function markOf(tx: DecisionTx, now: number): Promise<string> {
  const [held, { mark }] = [await tx.held(), await tx.lessonCount(now)];
  return `${held?.version ?? ""}:${mark}`;
}

interface Lessons {
  /** What a model is grown from. */
  readonly used: readonly LessonRecord[];
  /** All that is due, for what the formula said of it. */
  readonly due: readonly LessonRecord[];
}

async function lessonsFor(tx: DecisionTx, now: number): Promise<Lessons> {
  const held = await tx.held();
  const { count } = await tx.lessonCount(now);
  const due = await tx.lessons({ now, with: "metrics", limit: NEWEST });
  // A held version that is gone or damaged leaves the formula.
  if (held !== null)
    return {
      used: held.version === MODEL.name ? [] : ((await tx.lessonsOf(held.version)) ?? []),
      due,
    };
  const skip = count - stepped(count);
  const used = await tx.lessons({ now, with: "metrics", limit: Math.min(NEWEST, count - skip), skip });
  return { used, due };
}

/** The largest number of lessons that a model is grown for and that is not above `count`. */
export function stepped(count: number): number {
  const step = Math.max(LEAST_STEP, 2 ** Math.floor(Math.log2(Math.max(1, count / 10))));
  return Math.floor(count / step) * step;
}

function fixed(due: readonly LessonRecord[]): CurrentModel {
  return {
    named: FORMULA,
    trust: "full",
    evidence: {},
    curve: curveOf(
      due
        .filter((lesson) => lesson.model === MODEL.name && countsForBudget(lesson))
        .flatMap(({ risk, label }): readonly Scored[] => (risk === null ? [] : [{ p: risk, label }])),
    ),
    lessons: [],
    judge: () => null,
  };
}

/** A good end that nobody but its maker tells of earns no allowance; a bad one takes it away. */
function countsForBudget({ attested, label }: LessonRecord): boolean {
  return attested !== "self" || label === 1;
}

function withMetrics({ id, at, due, metrics, label }: LessonRecord): readonly Lesson[] {
  return metrics === null ? [] : [{ id, at, due, metrics, label }];
}

function currentOf(model: LivingModel, { used, due }: Lessons, key: string): CurrentModel {
  if (model.name === "weighted_formula") return fixed(due);
  const mined = used.filter(({ attested }) => attested === "mined").length;
  const self = used.filter(({ attested }) => attested === "self").length;
  const last = model.promotions.at(-1);
  const counted = new Set(used.filter(countsForBudget).map(({ id }) => id));
  return {
    named: {
      name: model.name,
      version: `${used.length}-${key.slice(0, 12)}`,
      trained_on: `${used.length} changes (${mined} of the repository's past, ${self} reported by those who made them), until ${toIso(used.at(-1)?.due ?? 0)}`,
    },
    trust: self > 0 ? "raise" : "full",
    evidence: last === undefined ? {} : { evidence_nats: last.evidence, labels: last.labels },
    curve: curveOf(
      model.lived
        .filter(({ lesson }) => counted.has(lesson.id))
        .map(({ lesson, p }) => ({ p, label: lesson.label })),
    ),
    lessons: used,
    judge: (metrics) => model.judge(metrics),
  };
}
