import { amount, closed } from "../../../kernel/mcp/input.ts";

/** What may be spent on a task; with less than the least of a kind it could never begin. */
export const budgetInput = closed({
  tokens: amount(1).optional(),
  usd: amount(0.000_001).optional(),
  wall_s: amount(1).optional(),
});
