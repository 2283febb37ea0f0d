import { DomainError } from "../../../kernel/errors.ts";

const ISO = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2}))?$/;

/**
 * Reads an ISO 8601 time as epoch milliseconds; a bare date is its midnight in UTC.
 *
 * @throws {DomainError} invalid for anything else, a time without a zone included.
 */
export function parseTime(text: string, name: string): number {
  const at = ISO.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) {
    throw new DomainError("invalid", `${name} is not an ISO 8601 time with a zone`, {
      hint: "write it like 2026-01-31T09:00:00Z or 2026-01-31",
    });
  }
  return at;
}
