import { MOST } from "../domain/budget.ts";
import { amount, closed } from "../../../kernel/mcp/input.ts";

/** What may be spent on a task; with less than the least of a kind it could never begin. */
export const budgetInput = closed({
  tokens: amount(1, MOST.tokens).optional(),
  usd: amount(0.000_001, MOST.usd).optional(),
  wall_s: amount(1, MOST.wall_s).optional(),
});
