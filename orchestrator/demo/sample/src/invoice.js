import { toCents } from "./money.js";

/** The price of one line before any discount, in cents. A line is { price, quantity }, its price an amount as text. */
export function lineCents(line) {
  return toCents(line.price) * line.quantity;
}
