/** Reads an amount such as "12.30" and gives whole cents. */
export function toCents(text) {
  if (!/^\d+(\.\d{1,2})?$/.test(text)) throw new RangeError(`not an amount: ${text}`);
  return Math.floor(Number(text) * 100);
}

/** Writes whole cents as an amount such as "12.30". */
export function formatCents(cents) {
  return `${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
}
