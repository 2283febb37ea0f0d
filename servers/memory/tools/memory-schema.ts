import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { boundedList, orElse, text, whole } from "../../../kernel/mcp/input.ts";
import { DEFAULT_MAX_TOKENS, HARD_MAX_TOKENS } from "../../../kernel/tokens.ts";

export const space = z.string().describe('"shared" or "agent:<name>"');

export const maxTokens = orElse(whole(200, HARD_MAX_TOKENS), () => DEFAULT_MAX_TOKENS);

export const idempotencyKey = text(200).optional();

/** One or more; the most is checked apart, with a hint. */
export function someOf<S extends z.ZodType>(item: S): z.ZodArray<S> {
  return boundedList(item, Number.POSITIVE_INFINITY, 1);
}

export const source = z.strictObject({
  uri: z.string().optional(),
  path: z.string().optional(),
  commit: z.string().optional(),
});

export const thread = z.strictObject({
  id: z.string(),
  session: z.string().optional(),
  seq: z.number().optional(),
  author: z.string().optional(),
});

export const mention = z.strictObject({ name: z.string(), type: z.string() });

/** A JSON object with any keys. Not z.record, which would silently drop a key named __proto__. */
export const jsonObject = z
  .unknown()
  .meta({ type: "object" })
  .pipe(
    z.custom<object>(
      (value) => typeof value === "object" && value !== null && !Array.isArray(value),
      "must be an object",
    ),
  );

/** @throws {DomainError} invalid for anything but "shared" and "agent:<name>". */
export function checkSpace(value: string | undefined): void {
  if (value === undefined || value === "shared" || /^agent:[\p{L}\p{N}._@/-]{1,100}$/u.test(value)) return;
  throw new DomainError("invalid", "space is neither shared nor an agent's", {
    hint: 'use "shared" or "agent:<name>"',
  });
}
