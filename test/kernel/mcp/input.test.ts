import { expect, test } from "vitest";
import { z } from "zod";
import { amount, boundedList, list, orElse, text, whole, word } from "../../../kernel/mcp/input.ts";

// A bound that is not listed must refuse as zod's own would, on both of its sides.
test.each<readonly [string, z.ZodType, z.ZodType, readonly unknown[]]>([
  ["text", text(3, 1), z.string().min(1).max(3), ["", "a", "abc", "abcd", 7]],
  ["whole", whole(2, 5), z.int().min(2).max(5), [1, 2, 5, 6, 2.5, "3"]],
  ["amount", amount(0, 1), z.number().min(0).max(1), [-1, 0, 1, 1.5, "1", Number.NaN]],
  [
    "boundedList",
    boundedList(z.string(), 2),
    z.array(z.string()).max(2),
    [[], ["a", "b"], ["a", "b", "c"], [1]],
  ],
  ["boundedList", boundedList(z.string(), 2, 1), z.array(z.string()).min(1).max(2), [[], ["a"]]],
  ["list", list(z.string(), 2), z.array(z.string()).max(2).default([]), [undefined, ["a", "b", "c"], "a"]],
  ["orElse", orElse(z.int(), () => 4), z.int().default(4), [undefined, 2, 2.5, null]],
  ["word", word(["a", "b"]), z.enum(["a", "b"]), ["a", "c"]],
])("%s takes and refuses what zod's own bound does", (_, ours, theirs, values) => {
  for (const value of values) {
    const [mine, expected] = [ours.safeParse(value), theirs.safeParse(value)];
    expect(mine.data).toEqual(expected.data);
    expect(mine.error?.issues.map(({ code, message }) => ({ code, message }))).toEqual(
      expected.error?.issues.map(({ code, message }) => ({ code, message })),
    );
  }
});
