/** The closed set of answers a caller can act on. Anything else that is thrown is a defect of ours. */
export type ErrorCode =
  | "invalid"
  | "not_found"
  | "conflict"
  | "invalid_state"
  | "denied"
  | "unavailable"
  | "limit"
  | "timeout";

/** What a model or a program sees of a refused call. */
export interface ErrorAnswer {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly retryable: boolean;
}

/**
 * A refusal that the caller can act on: `message` says what is wrong in our own words (never third-party
 * error text), `hint` names the next step, `retryable` says whether the same call can succeed later.
 */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly hint?: string; readonly retryable?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "DomainError";
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? (code === "unavailable" || code === "timeout");
  }

  toAnswer(): ErrorAnswer {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      retryable: this.retryable,
    };
  }
}
