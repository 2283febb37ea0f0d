import { DomainError } from "../../kernel/errors.ts";
import { estimateInputTokens, nothingSpent, reserve, settle } from "../models/budget.ts";
import type { Limits, Spend } from "../models/budget.ts";
import { collectReply } from "../models/chat-model.ts";
import type { ChatModel, ChatRequest, Reply } from "../models/chat-model.ts";
import { ModelCallError } from "../models/model-call-error.ts";
import type { Price } from "../models/prices.ts";
import { withRetry } from "../models/retry.ts";
import type { RetryPolicy, Sleep } from "../models/retry.ts";

/** Below this an answer is not worth asking for. */
const LEAST_OUTPUT_TOKENS = 256;

export interface Meter {
  spent(): Spend;
  /** One answer. @throws {ModelCallError} when it is final; @throws {BudgetSpent} before a call that does not fit. */
  ask(request: ChatRequest, signal: AbortSignal): Promise<Reply>;
}

export class BudgetSpent extends DomainError {
  readonly limit: "tokens" | "usd";

  constructor(limit: "tokens" | "usd") {
    super("limit", `the budget in ${limit} does not allow another call`, {
      hint: "raise the budget",
      retryable: false,
    });
    this.name = "BudgetSpent";
    this.limit = limit;
  }
}

/**
 * A model behind its budget and its retries. Every attempt is reserved before and settled after, failed ones with
 * what they are known to have used, so that retrying cannot run past a limit.
 */
export function meteredModel(options: {
  readonly model: ChatModel;
  readonly limits: Limits;
  readonly price: Price | null;
  readonly retry: RetryPolicy;
  readonly random: () => number;
  readonly sleep: Sleep;
  readonly onRetry: (reason: string, waitMs: number) => void;
}): Meter {
  const { model, limits, price } = options;
  let spend = nothingSpent(price);

  async function once(request: ChatRequest, signal: AbortSignal): Promise<Reply> {
    const { messages, system, tools, maxTokens } = request;
    const inputTokens = estimateInputTokens(Buffer.byteLength(JSON.stringify({ messages, system, tools })));
    const reservation = reserve(
      spend,
      limits,
      { inputTokens, maxTokens, leastTokens: LEAST_OUTPUT_TOKENS },
      price,
    );
    if (!reservation.granted) throw new BudgetSpent(reservation.limit);
    try {
      const reply = await collectReply(
        model.stream({ ...request, maxTokens: reservation.maxTokens }, signal),
      );
      spend = settle(spend, reply.tokens, price);
      return reply;
    } catch (error) {
      if (error instanceof ModelCallError && error.tokens !== null)
        spend = settle(spend, error.tokens, price);
      throw error;
    }
  }

  return {
    spent: () => spend,
    ask: (request, signal) =>
      withRetry(() => once(request, signal), {
        policy: options.retry,
        retryable: (error) => (error instanceof ModelCallError && error.retryable ? error : null),
        random: options.random,
        sleep: options.sleep,
        signal,
        onRetry: (error, waitMs) =>
          options.onRetry(error instanceof ModelCallError ? error.message : "failed", waitMs),
      }),
  };
}
