import { z } from "zod";

// Bounds that are checked but not listed: every session pays for each word of the tool list, and a refusal names the bound.

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number): z.ZodInt {
  return z.int().refine((value) => value >= least && value <= most, `${least} to ${most}`);
}

/** A number from `least` to `most`. */
export function amount(least: number, most: number): z.ZodNumber {
  return z.number().refine((value) => value >= least && value <= most, `${least} to ${most}`);
}

/** A text of `least` to `most` UTF-16 units. */
export function words(least: number, most: number): z.ZodString {
  return z
    .string()
    .refine((value) => value.length >= least && value.length <= most, `${least} to ${most} characters`);
}

/** A list of `least` to `most` items. */
export function list<T extends z.ZodType>(item: T, least: number, most: number): z.ZodArray<T> {
  return z
    .array(item)
    .refine((items) => items.length >= least && items.length <= most, `${least} to ${most} items`);
}
