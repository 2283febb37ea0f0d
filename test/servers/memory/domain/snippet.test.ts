import fc from "fast-check";
import { expect, test } from "vitest";
import { snippetOf } from "../../../../servers/memory/domain/snippet.ts";
import { queryTerms } from "../../../../servers/memory/domain/tokens.ts";

const filler = "lorem ipsum dolor ".repeat(200);

test("the snippet is where most of the query's words stand together", () => {
  const text = `${filler} one retry here ${filler} the retry queue lost a message ${filler} queue ${filler}`;
  const snippet = snippetOf(text, new Set(queryTerms("which message did the retry queue lose")), 80);
  expect(snippet).toContain("retry queue lost a message");
  expect(snippet.startsWith("…") && snippet.endsWith("…")).toBe(true);
});

test("a short text is its own snippet; without a match it is the beginning", () => {
  expect(snippetOf("short", new Set(["x"]), 80)).toBe("short");
  expect(snippetOf(filler, new Set(["absent"]), 40).startsWith("lorem ipsum")).toBe(true);
});

test("a snippet is a part of the text, not longer than asked, whole in its characters, with a match where there is one", () => {
  const word = fc.constantFrom("retry", "queue", "😀😀", "alpha", "beta", "x".repeat(70), "\n");
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), fc.integer({ min: 80, max: 200 }), (words, maxChars) => {
      const text = words.join(" ");
      const snippet = snippetOf(text, new Set(["retry"]), maxChars);
      expect(snippet.length).toBeLessThanOrEqual(maxChars + 2);
      expect(text).toContain(snippet.replace(/^…|…$/g, ""));
      expect(snippet.isWellFormed()).toBe(true);
      expect(snippet.includes("retry")).toBe(words.includes("retry"));
    }),
  );
});
