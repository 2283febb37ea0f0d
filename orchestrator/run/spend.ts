import { z } from "zod";
import type { Usage } from "../runners/runner.ts";
import type { Journal } from "./journal.ts";
import type { RunContext } from "./context.ts";

/** What a run has spent; `usd` is null once anything was spent whose price is not known. */
export interface Spend {
  readonly usd: number | null;
  readonly tokens: number;
}

const SpendData = z.object({ usd: z.number().nullable(), tokens: z.number() });

/** One attempt of a run at a task. */
export interface AttemptPlace {
  readonly ref: string;
  readonly attempt: number;
}

/** Adds up every `spend.updated` event of the run, or of one attempt, over all its lives. */
export function spendOf(journal: Journal, place?: AttemptPlace): Spend {
  let spend: Spend = { usd: 0, tokens: 0 };
  for (const event of journal.events) {
    if (event.type !== "spend.updated") continue;
    const { task, attempt } = event.data;
    if (place !== undefined && (task !== place.ref || attempt !== place.attempt)) continue;
    const added = SpendData.parse(event.data);
    spend = {
      usd: spend.usd === null || added.usd === null ? null : spend.usd + added.usd,
      tokens: spend.tokens + added.tokens,
    };
  }
  return spend;
}

/** Records what one job used, and in which attempt. What a program spent that tells nothing is unknown, not zero. */
export async function addSpend(run: RunContext, usage: Usage | null, place?: AttemptPlace): Promise<void> {
  await run.journal.emit("spend.updated", {
    ...(place === undefined ? {} : { task: place.ref, attempt: place.attempt }),
    ...(usage === null
      ? { usd: null, tokens: 0 }
      : { usd: usage.usd, tokens: usage.inputTokens + usage.outputTokens }),
  });
}

/** Whether the run's budget is used up, by its own count or the queue's. */
export function isBudgetSpent(run: RunContext): boolean {
  const { tokens, usd } = run.options.budget;
  const spend = spendOf(run.journal);
  if (run.journal.events.some(({ type }) => type === "budget.exhausted")) return true;
  return (tokens !== undefined && spend.tokens >= tokens) || (usd !== undefined && (spend.usd ?? 0) >= usd);
}
