import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { expect, test } from "vitest";
import { digestOf } from "../../kernel/canonical-json.ts";
import { estimateTokens, fitItems, fitText } from "../../kernel/tokens.ts";

const ROOT = join(import.meta.dirname, "../..");
const file = (name: string): string => readFileSync(join(ROOT, name), "utf8");
/** Text is data: what looks like a special token of a model is counted as what it is written with. */
const real = (text: string): number => encode(text, { disallowedSpecial: new Set() }).length;

const digests = Array.from({ length: 40 }, (_, i) => digestOf(i));
const SAMPLES: Readonly<Record<string, string>> = {
  English:
    "The queue hands each task to one agent, keeps its lease while it reports, and gives the work back when it falls silent. Nothing is lost: whoever takes over finds the notes and the checkpoint of the one before.",
  "a guide": file("docs/adr/0003-node-launcher.md"),
  TypeScript: file("kernel/mcp/factory.ts"),
  shell: file("bin/node.sh"),
  "a lockfile": file("package-lock.json").slice(0, 60_000),
  "compact JSON": JSON.stringify(JSON.parse(file("package.json"))),
  SQL: "SELECT coalesce(max(seq), 0) AS n FROM event WHERE type IN (SELECT value FROM json_each(?2)) ORDER BY seq LIMIT ?4;",
  "hexadecimal digests": digests.join("\n"),
  base64: Buffer.from(digests.join(""), "hex").toString("base64"),
  "test output":
    " ✓ test/a.test.ts (3 tests) 12ms\n ❯ test/b.test.ts\n   × fails 3ms\n────────────\n│ name │ 100 % │\n└──────┘",
  Chinese:
    "记忆服务器保存代理所学到的一切，并在需要时找回。任务队列把工作分给许多代理，每个任务都有自己的租约。",
  Japanese: "メモリサーバーはエージェントが学んだことを保存し、必要なときに取り出します。",
  Korean: "메모리 서버는 에이전트가 배운 것을 저장하고 필요할 때 다시 찾아 줍니다.",
  Russian: "Сервер памяти хранит всё, чему научились агенты, и находит это, когда нужно.",
  Arabic: "يحتفظ خادم الذاكرة بكل ما تعلمه الوكلاء ويعثر عليه عند الحاجة.",
  Hindi: "मेमोरी सर्वर वह सब कुछ सहेजता है जो एजेंटों ने सीखा",
  German: "Überprüfungsverfahren für größere Änderungen müssen schließlich geändert werden.",
  emoji: "😀🦄👩‍👩‍👧‍👦🇩🇪🏳️‍🌈✨🔥🧪🪲🫠🚀✅❌⚠️",
  "special tokens": "<|endoftext|><|im_start|>system",
  "terminal codes": "\u001b[31mred\u001b[0m\u001b[2K\u0007",
};

test.each(Object.entries(SAMPLES))("the estimate for %s is not below the real count", (_name, text) => {
  expect(estimateTokens(text)).toBeGreaterThanOrEqual(real(text));
});

test.each(["English", "a guide", "TypeScript", "shell", "compact JSON"])(
  "the estimate for %s is not far above it either",
  (name) => {
    const text = SAMPLES[name] ?? "";
    expect(estimateTokens(text)).toBeLessThanOrEqual(real(text) * 1.8);
  },
);

const range = (from: number, to: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.integer({ min: from, max: to }).map((code) => String.fromCodePoint(code)),
    maxLength: 120,
  });
const from = (letters: string): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...letters), maxLength: 200 });

test.each<[string, fc.Arbitrary<string>]>([
  ["any code points", fc.string({ unit: "binary", maxLength: 200 })],
  ["any graphemes", fc.string({ unit: "grapheme", maxLength: 200 })],
  ["ASCII", fc.string({ maxLength: 200 })],
  ["hexadecimal", from("0123456789abcdef")],
  ["small letters", from("abcdefghijklmnopqrstuvwxyz ")],
  ["capitals", from("ABCDEFGHIJKLMNOPQRSTUVWXYZ")],
  ["base64", fc.base64String({ maxLength: 200 })],
  ["JSON", fc.json()],
  ["white space", from(" \n\t\r")],
  ["signs", from("!@#$%^&*()_+-=[]{}|;:'\",.<>/?`~ ")],
  ["control characters", range(0, 0xa0)],
  ["Cyrillic", range(0x400, 0x4ff)],
  ["Chinese characters", range(0x4e00, 0x9fff)],
  ["Hangul", range(0xac00, 0xd7a3)],
])("the estimate for random %s is not below the real count", (_name, text) => {
  fc.assert(
    fc.property(text, (sample) => {
      const count = real(sample);
      if (estimateTokens(sample) < count) throw new Error(`${estimateTokens(sample)} instead of ${count}`);
    }),
    { numRuns: 300, seed: 5 },
  );
});

test("nothing costs nothing, and a part never costs more than the whole", () => {
  expect(estimateTokens("")).toBe(0);
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: "grapheme" }),
      (a, b) => estimateTokens(a) <= estimateTokens(a + b),
    ),
    { numRuns: 300, seed: 1 },
  );
});

test("a text is cut to its budget at a code point, as late as possible, and only when it must be", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 100 }),
      fc.integer({ min: -5, max: 120 }),
      (text, budget) => {
        const fitted = fitText(text, budget);
        expect(fitted.truncated).toBe(fitted.text !== text);
        expect(text.startsWith(fitted.text)).toBe(true);
        expect(fitted.text.isWellFormed()).toBe(text.isWellFormed() || fitted.text.isWellFormed());
        if (fitted.text !== "") expect(estimateTokens(fitted.text)).toBeLessThanOrEqual(budget);
        if (fitted.truncated) {
          const next = String.fromCodePoint(text.codePointAt(fitted.text.length) ?? 0);
          expect(estimateTokens(fitted.text + next)).toBeGreaterThan(budget);
        } else if (text !== "") expect(estimateTokens(text)).toBeLessThanOrEqual(budget);
      },
    ),
    { numRuns: 400, seed: 1 },
  );
  expect(fitText("", 0)).toEqual({ text: "", truncated: false });
  expect(fitText("😀😀", 7)).toEqual({ text: "😀", truncated: true });
});

test("items are taken from the front while they fit, at least one, and no fewer than fit", () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue(), { maxLength: 12 }),
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 0, max: 120 }),
      (items, budget, reserve) => {
        const { taken, truncated } = fitItems(items, budget, reserve);
        const cost = (some: readonly unknown[]): number =>
          some.reduce<number>((sum, item) => sum + estimateTokens(JSON.stringify(item)) + 1, 0);
        expect(taken).toEqual(items.slice(0, taken.length));
        expect(truncated).toBe(taken.length < items.length);
        if (items.length > 0) expect(taken.length).toBeGreaterThan(0);
        if (taken.length > 1) expect(cost(taken)).toBeLessThanOrEqual(budget - reserve);
        if (truncated) expect(cost(items.slice(0, taken.length + 1))).toBeGreaterThan(budget - reserve);
      },
    ),
    { numRuns: 300, seed: 1 },
  );
});
