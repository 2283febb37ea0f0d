import { DomainError } from "../../kernel/errors.ts";
import type { ErrorAnswer } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { ModelChoice } from "../models/config.ts";
import type { ChatMessage, ChatModel, ChatRequest } from "../models/chat-model.ts";
import { priceOf } from "../models/prices.ts";
import type { PriceTable } from "../models/prices.ts";
import type { RetryPolicy, Sleep } from "../models/retry.ts";
import { DEFAULT_RETRY } from "../models/retry.ts";
import type { Roles } from "../roles/roles.ts";
import { extended, runTurn } from "./conversation.ts";
import { endingTools, LAST_TOOL } from "./ending-tools.ts";
import { BudgetSpent, meteredModel } from "./metered-call.ts";
import type { Meter } from "./metered-call.ts";
import type { Ending, ModelTool } from "./model-tool.ts";
import { openingMessage } from "./prompt.ts";
import type { Job, Outcome, Role, Runner, RunnerTools, Workspace } from "./runner.ts";
import { wallClock } from "./wall-clock.ts";
import { changingTools, readingTools } from "./workspace-tools.ts";

export interface ApiRunnerOptions {
  readonly model: ChatModel;
  readonly choices: Readonly<Record<Role, ModelChoice>>;
  /** Prompts and tools, from `loadRoles`. */
  readonly roles: Roles;
  readonly prices: PriceTable;
  readonly random: () => number;
  readonly sleep: Sleep;
  readonly retry?: RetryPolicy;
  readonly log: Log;
  /** Most answers of the model in one job. */
  readonly maxTurns?: number;
  /** Most output tokens of one answer. */
  readonly maxTokens?: number;
}

/** The `api` runner: our own tool loop over a model endpoint. Its name says nothing about the model behind it. */
export function apiRunner(options: ApiRunnerOptions): Runner {
  return { name: "api", run: (job, tools) => runJob(options, job, tools) };
}

async function runJob(options: ApiRunnerOptions, job: Job, tools: RunnerTools): Promise<Outcome> {
  const choice = options.choices[job.role];
  const meter = meteredModel({
    model: options.model,
    limits: job.budget,
    price: priceOf(choice.model, options.prices),
    retry: options.retry ?? DEFAULT_RETRY,
    random: options.random,
    sleep: options.sleep,
    onRetry: (reason, waitMs) => tools.onEvent({ type: "retry", reason, waitMs }),
  });
  const progress = { turns: 0, summary: "" };
  const ended = (): { usage: Outcome["usage"]; turns: number; summary: string } => ({
    usage: meter.spent(),
    turns: progress.turns,
    summary: progress.summary,
  });
  const wall = wallClock(job.budget.wallS);
  const signal = wall === null ? tools.signal : AbortSignal.any([tools.signal, wall]);
  try {
    const verdict = await converse(options, job, { ...tools, signal }, meter, progress);
    return { ...ended(), ...verdict };
  } catch (error) {
    if (tools.signal.aborted) return { status: "cancelled", ...ended() };
    if (wall?.aborted === true) return { status: "budget", limit: "wall", ...ended() };
    if (error instanceof BudgetSpent) return { status: "budget", limit: error.limit, ...ended() };
    if (error instanceof DomainError) return { status: "failed", error: error.toAnswer(), ...ended() };
    // A defect of ours or of the workspace ends this attempt, not the run that holds other people's work.
    options.log("error", "a runner met a defect", {
      stack: error instanceof Error ? error.stack : String(error),
    });
    return { status: "failed", error: DEFECT, ...ended() };
  }
}

const DEFECT = new DomainError(
  "unavailable",
  "the runner met a defect of its own; the details are on stderr",
).toAnswer();

type Verdict =
  | Ending
  | { readonly status: "failed"; readonly error: ErrorAnswer }
  | { readonly status: "budget"; readonly limit: "turns" };

/** Asks, runs the tools, asks again, until the model ends the job or a limit does. */
async function converse(
  options: ApiRunnerOptions,
  job: Job,
  tools: RunnerTools,
  meter: Meter,
  progress: { turns: number; summary: string },
): Promise<Verdict> {
  const { maxTurns = 60, maxTokens = 16_000 } = options;
  const { model, effort } = options.choices[job.role];
  const box = toolBox(job.role, options.roles[job.role].tools, tools.workspace);
  const frame = {
    model,
    system: options.roles[job.role].prompt,
    tools: box.map((tool) => tool.spec),
    maxTokens,
    ...(effort === undefined ? {} : { effort }),
  };
  let messages: readonly ChatMessage[] = [
    { role: "user", content: [{ type: "text", text: openingMessage(job) }] },
  ];
  let reminders = 0;
  while (progress.turns < maxTurns) {
    const request: ChatRequest = { ...frame, messages };
    const reply = await meter.ask(request, tools.signal);
    progress.turns += 1;
    tools.onEvent({ type: "turn", turn: progress.turns });
    tools.onEvent({ type: "usage", usage: meter.spent() });
    const turn = await runTurn(reply, box, tools.signal, tools.onEvent);
    if (turn.text !== "") progress.summary = turn.text;
    if (turn.ending !== null) return turn.ending;
    if (reply.stopReason === "refusal") return { status: "gave_up", summary: "the model refused the job" };
    if (reply.stopReason === "context_full") return { status: "failed", error: CONTEXT_FULL };
    if (turn.results.length > 0) {
      messages = extended(messages, reply, turn.results);
    } else if (reply.stopReason === "pause" || reply.stopReason === "max_tokens") {
      messages = extended(messages, reply, [{ type: "text", text: "Go on." }]);
    } else if (job.role === "implementer" && turn.text !== "") {
      return { status: "done", result: { kind: "work" }, summary: turn.text };
    } else if (reminders < MOST_REMINDERS) {
      reminders += 1;
      messages = extended(messages, reply, [
        { type: "text", text: `End with ${LAST_TOOL[job.role]} or give_up.` },
      ]);
    } else {
      return { status: "failed", error: NO_RESULT };
    }
  }
  return { status: "budget", limit: "turns" };
}

const MOST_REMINDERS = 2;

const CONTEXT_FULL = new DomainError("limit", "the conversation outgrew the model's context window", {
  hint: "split the task, or choose a model with a larger window",
}).toAnswer();

const NO_RESULT = new DomainError(
  "invalid_state",
  "the model ended without handing over a result",
).toAnswer();

/** The tools that a role is allowed and nothing else: whatever else a model calls does not exist. */
function toolBox(role: Role, allowed: readonly string[], workspace: Workspace | null): readonly ModelTool[] {
  const all =
    workspace === null
      ? []
      : [...readingTools(workspace), ...(role === "implementer" ? changingTools(workspace) : [])];
  const hands = all.filter(({ spec }) => allowed.includes(spec.name));
  return [...hands, ...endingTools(role)];
}
