/**
 * The discount for a quantity, in percent. A tier holds from its quantity on; of several the highest wins.
 * Tiers come in any order, as { from, percent }.
 */
export function discountPercent(quantity, tiers) {
  let percent = 0;
  for (const tier of tiers) {
    if (quantity > tier.from) percent = Math.max(percent, tier.percent);
  }
  return percent;
}
