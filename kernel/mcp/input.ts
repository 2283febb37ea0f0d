import { z } from "zod";

/**
 * Bounds that are checked and refused as zod does, but not listed: every host pays for `tools/list` in tokens, and
 * hardly a caller comes near them.
 */
export function text(most: number, least = 0): z.ZodString {
  return z.string().superRefine((value, { addIssue }) => {
    if (value.length > most)
      addIssue({ code: "too_big", origin: "string", maximum: most, inclusive: true, input: value });
    if (value.length < least)
      addIssue({ code: "too_small", origin: "string", minimum: least, inclusive: true, input: value });
  });
}

/** A number from `least` to `most` that is listed as a number. */
export function amount(least: number, most = Number.POSITIVE_INFINITY): z.ZodNumber {
  return z.number().superRefine((value, { addIssue }) => {
    if (value > most)
      addIssue({ code: "too_big", origin: "number", maximum: most, inclusive: true, input: value });
    if (value < least)
      addIssue({ code: "too_small", origin: "number", minimum: least, inclusive: true, input: value });
  });
}

/** The same for whole numbers. */
export function whole(least: number, most: number): z.ZodInt {
  return z.int().superRefine((value, { addIssue }) => {
    if (value > most)
      addIssue({ code: "too_big", origin: "number", maximum: most, inclusive: true, input: value });
    if (value < least)
      addIssue({ code: "too_small", origin: "number", minimum: least, inclusive: true, input: value });
  });
}

/** A list of at most so many items. */
export function boundedList<S extends z.ZodType>(item: S, most: number, least = 0): z.ZodArray<S> {
  return z.array(item).superRefine((value, { addIssue }) => {
    if (value.length > most)
      addIssue({ code: "too_big", origin: "array", maximum: most, inclusive: true, input: value });
    if (value.length < least)
      addIssue({ code: "too_small", origin: "array", minimum: least, inclusive: true, input: value });
  });
}

/** An object that refuses what it does not know. */
export function closed<S extends z.core.$ZodLooseShape>(shape: S) {
  const known = new Set(Object.keys(shape));
  return z.looseObject(shape).superRefine((value, { addIssue }) => {
    const keys = Object.keys(value).filter((key) => !known.has(key));
    if (keys.length > 0) addIssue({ code: "unrecognized_keys", keys, input: value });
  });
}

/** A list of at most so many items, empty where it is left out. */
export function list<S extends z.ZodType>(item: S, most: number) {
  return orElse(boundedList(item, most), () => []);
}

/** What may be left out, with a default that is not listed. */
export function orElse<S extends z.ZodType>(schema: S, fallback: () => z.output<S>) {
  return schema.optional().transform((value) => value ?? fallback());
}

/** One of many words, listed as a text: a refusal names the words. */
export function word<const W extends readonly string[]>(words: W) {
  return z.string().pipe(z.enum(words));
}
