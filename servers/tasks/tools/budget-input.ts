import { z } from "zod";
import { closed } from "./input.ts";

/** What may be spent on a task; nothing may be bounded by zero, for then it would never begin. */
export const budgetInput = closed({
  tokens: positive().optional(),
  usd: positive().optional(),
  wall_s: positive().optional(),
});

function positive() {
  return z.number().superRefine((value, { addIssue }) => {
    if (value <= 0)
      addIssue({ code: "too_small", origin: "number", minimum: 0, inclusive: false, input: value });
  });
}
