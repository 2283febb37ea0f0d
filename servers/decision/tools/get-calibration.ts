import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { DecisionToolDeps } from "../deps.ts";
import { type Calibration, reportOn } from "../domain/confidence/report.ts";
import { ACTIONS, type Action } from "../domain/policy.ts";
import { successes } from "./stated-confidence.ts";

const NEWEST = 2_000;

export const getCalibration = defineTool({
  name: "get_calibration",
  title: "Compare forecasts with outcomes",
  description:
    "Tells how far stated confidence and risk came true, how much went on alone, and what that cost. Counts matured outcomes only.",
  input: z.object({
    scope: z.string().max(200).optional().describe("an agent, an action, or agent/action; default: all"),
  }),
  output: z.object({
    outcomes: z.number(),
    reliability: z.array(z.looseObject({})).describe("of stated confidence p"),
    brier: z.number().nullable(),
    ece: z.number().nullable(),
    ece_interval: z.array(z.number()).nullable().describe("95 %"),
    ece_by_chance: z.number().nullable().describe("if every statement were right"),
    ece_calibrated: z.number().nullable().describe("as decide reads it, on the newest quarter"),
    risk: z.looseObject({}).describe("the same for the risk of a bad end"),
    model: z.looseObject({}),
    auto_share: z.number().nullable(),
    realised_risk: z.number().nullable().describe("bad ends of what went on alone"),
    realised_upper: z.number().nullable().describe("its 95 % bound"),
    budget: z.number().nullable().describe("half of the rate of bad ends"),
    within_budget: z.boolean().nullable(),
  }),
  annotations: READS,
  async run({ scope }, { store, clock, models }: DecisionToolDeps) {
    const now = clock();
    const model = await models.current(store, now);
    return store.read(async (tx) => {
      const of = scope === undefined ? {} : scopeOf(scope);
      const decided = await tx.lessons({ now, ...of, with: "verdict", limit: NEWEST });
      const stated = await tx.lessons({ now, ...of, with: "stated", limit: NEWEST });
      const { confidence, risk, automation } = reportOn({
        statements: successes(stated),
        risks: decided.flatMap(({ risk: p, label }) => (p === null ? [] : [{ p, label }])),
        decided: decided.map(({ verdict, label }) => ({ isAlone: verdict === "auto_proceed", label })),
      });
      return {
        outcomes: decided.length,
        ...shown(confidence),
        ece_calibrated: confidence.ece_calibrated,
        risk: shown(risk),
        model: { ...model.named },
        auto_share: automation.share,
        realised_risk: automation.realised,
        realised_upper: automation.upper,
        budget: automation.budget,
        within_budget: automation.isWithin,
      };
    });
  },
});

function shown({ n, reliability, brier, ece, ece_interval, ece_by_chance }: Calibration): {
  n: number;
  reliability: { p: number; rate: number; n: number }[];
  brier: number | null;
  ece: number | null;
  ece_interval: number[] | null;
  ece_by_chance: number | null;
} {
  return {
    n,
    reliability: reliability.map((bin) => ({ ...bin })),
    brier,
    ece,
    ece_interval: ece_interval === null ? null : [...ece_interval],
    ece_by_chance,
  };
}

function scopeOf(scope: string): { readonly principal?: string; readonly action?: Action } {
  const slash = scope.lastIndexOf("/");
  const action = ACTIONS.find((name) => name === scope.slice(slash + 1));
  if (action === undefined) return { principal: scope };
  return slash === -1 ? { action } : { principal: scope.slice(0, slash), action };
}
