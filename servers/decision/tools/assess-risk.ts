import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { oneLine } from "../../../kernel/text.ts";
import type { DecisionToolDeps } from "../deps.ts";
import { adviceFor } from "../domain/advice.ts";
import { riskierFacts } from "../domain/facts.ts";
import { ACTIONS } from "../domain/policy.ts";
import type { DecisionTx } from "../store/decision-store.ts";
import { assess, factsOf, hasFacts, judged, measure, UNMEASURED } from "./assessing.ts";
import { FACTS_HINT, factsInput, idempotencyKey, readFacts } from "./fields.ts";

const revision = z.string().max(300);

export const assessRisk = defineTool({
  name: "assess_risk",
  title: "Assess the risk of a change",
  description:
    "Measures a git range and scores its risk by five factors. Use before decide. Unknown factors widen the interval.",
  input: z.object({
    action: z.enum(ACTIONS),
    repo: z.string().max(4096).optional().describe("absolute path"),
    base: revision.optional().describe("default: parent of head"),
    head: revision.optional().describe("default: HEAD"),
    facts: factsInput.optional().describe(FACTS_HINT),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({
    assessment_id: z.string(),
    risk: z.number().describe("0..1; a probability once model is not weighted_formula"),
    interval: z.array(z.number()),
    level: z.string(),
    factors: z.array(z.looseObject({})).describe("value 0..1, higher = riskier; contributions sum to risk"),
    model: z.looseObject({}),
    metrics: z.looseObject({}).optional(),
    range: z.looseObject({}).optional(),
    advice: z.array(z.string()),
  }),
  annotations: WRITES,
  core: true,
  async run(
    { action, repo, base, head, facts: given },
    { store, changes, policies, clock, newId, models }: DecisionToolDeps,
    call,
  ) {
    const { facts, unread } = readFacts(given);
    if (repo === undefined && (base !== undefined || head !== undefined)) {
      throw new DomainError("invalid", "base and head need a repo", {
        hint: "give repo, the absolute path of the repository",
      });
    }
    if (repo === undefined && !hasFacts(facts)) {
      throw new DomainError("invalid", "there is nothing to assess", {
        hint: "give repo (with base and head), or facts",
      });
    }
    const change =
      repo === undefined
        ? null
        : await changes.read({ repo, base, head: head ?? "HEAD", signal: call.signal });
    const measured =
      repo === undefined || change === null ? UNMEASURED : measure(repo, change, await policies.paths());
    const now = clock();
    const write = <T>(work: (tx: DecisionTx) => Promise<T>): Promise<T> => store.answer(call, work);
    return models.within(store, now, write, async (tx, model) => {
      const assessment = assess({
        id: newId("rsk"),
        action,
        ...measured,
        ...judged(model, measured.metrics),
        claims: change === null ? facts : riskierFacts(factsOf(change), facts),
        principal: call.principal.id,
        at: now,
      });
      await tx.addAssessment(assessment);
      const { result, metrics } = assessment;
      return {
        assessment_id: assessment.id,
        risk: result.risk,
        interval: [...result.interval],
        level: result.level,
        factors: result.factors.map((factor) => ({ ...factor })),
        model: { ...assessment.model },
        ...(metrics === null ? {} : { metrics: { ...metrics } }),
        ...(change === null ? {} : { range: { base: change.base, head: change.head } }),
        // Names of files and exports are the repository's.
        advice: adviceFor(result, change, unread).map((line) => oneLine(line, 300)),
      };
    });
  },
});
