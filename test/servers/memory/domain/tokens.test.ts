import fc from "fast-check";
import { expect, test } from "vitest";
import { queryTerms, tokensOf } from "../../../../servers/memory/domain/tokens.ts";

for (const [text, tokens] of [
  ["getUserName", ["getusernam", "get", "user", "nam"]],
  ["parse_http_header", ["parse_http_header", "pars", "http", "header"]],
  ["HTTPServer2", ["httpserver2", "http", "server2"]],
  ["src/auth/token-store.ts", ["src/auth/token-store.ts", "src", "auth", "token", "stor", "ts"]],
  ["src\\auth", ["src/auth", "src", "auth"]],
  ["os.path.join", ["os", "path", "join"]],
  ["retries retried retrying", ["retry", "retry", "retry"]],
  ["caching caches cached", ["cach", "cach", "cach"]],
  ["stopped classes class", ["stop", "class", "class"]],
  ["what is the", []],
  ["Ｆｕｌｌ", ["full"]],
  ["東京都", ["東京", "京都"]],
  ["ที่", ["ที"]],
  ["a\u0300 \u0300 x_\u0301 \u19b0", ["à", "x_\u0301", "x"]],
  ["", []],
] as const) {
  test(`tokens of ${JSON.stringify(text)}`, () => {
    expect(tokensOf(text)).toEqual(tokens);
  });
}

test("a whole question keeps its telling words only, each once", () => {
  expect(queryTerms("How did we fix the retry queue, the retry queue?")).toEqual(["fix", "retry", "queu"]);
});

test("a part of an identifier finds the identifier, and so does its whole in another case", () => {
  const indexed = new Set(tokensOf("const retryQueueSize = 5; call_http_api()"));
  for (const query of ["queue size", "retryqueuesize", "retryQueueSize", "http api", "call_http_api"]) {
    expect(
      queryTerms(query).some((term) => indexed.has(term)),
      query,
    ).toBe(true);
  }
});

test("any text gives tokens without spaces or quotes, and the same ones each time", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const tokens = tokensOf(text);
      expect(tokens).toEqual(tokensOf(text));
      for (const token of tokens) expect(token).toMatch(/^[^\s"]+$/u);
    }),
  );
});

test("a query has at most the terms asked for", () => {
  expect(queryTerms(Array.from({ length: 9_000 }, (_, i) => `word${i}`).join(" "))).toHaveLength(128);
});
