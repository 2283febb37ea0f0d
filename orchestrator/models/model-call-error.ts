import { DomainError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/errors.ts";
import type { TokenCounts } from "./chat-model.ts";

/**
 * One call of a model that failed. `retryAfterMs` is what the endpoint asked for, null where it did not;
 * `tokens` is what the failed call is known to have used, null where nothing is known.
 */
export class ModelCallError extends DomainError {
  readonly retryAfterMs: number | null;
  readonly tokens: TokenCounts | null;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      readonly retryable: boolean;
      readonly hint?: string;
      readonly retryAfterMs?: number | null;
      readonly tokens?: TokenCounts | null;
      readonly cause?: unknown;
    },
  ) {
    super(code, message, options);
    this.name = "ModelCallError";
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.tokens = options.tokens ?? null;
  }
}
