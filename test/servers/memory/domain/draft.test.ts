import { expect, test } from "vitest";
import { newMemory, revise, type Draft } from "../../../../servers/memory/domain/draft.ts";
import { checkDraft } from "../../../../servers/memory/domain/limits.ts";
import { trustOf } from "../../../../servers/memory/domain/memory.ts";
import { parseTime } from "../../../../servers/memory/domain/time.ts";

const at = (now: number) => ({ principal: "p", now });
const draft: Draft = { text: "the queue retries 5 times", kind: "fact" };

test("a first version holds from now, or from valid_from to valid_to", () => {
  expect(newMemory(draft, "mem_1", at(5))).toMatchObject({
    version: 1,
    space: "shared",
    startsAt: 5,
    endsAt: undefined,
  });
  const dated = { ...draft, valid_from: "2024-01-01", valid_to: "2025-01-01T00:00:00Z" };
  expect(newMemory(dated, "mem_1", at(5))).toMatchObject({
    startsAt: Date.UTC(2024, 0),
    endsAt: Date.UTC(2025, 0),
  });
  expect(() => newMemory({ ...dated, valid_to: "2023-01-01" }, "mem_1", at(5))).toThrow(/not after/);
});

test("a revision keeps what the draft leaves out, counts up, and holds from now", () => {
  const first = newMemory({ ...draft, title: "Retries", tags: ["queue"] }, "mem_1", at(5));
  const next = revise(first, { ...draft, text: "it retries 6 times" }, at(9));
  expect(next).toMatchObject({
    id: "mem_1",
    version: 2,
    title: "Retries",
    tags: ["queue"],
    text: "it retries 6 times",
    startsAt: 9,
    createdAt: 5,
    updatedAt: 9,
  });
});

test("a revision keeps an end to come and drops one that has passed", () => {
  const first = newMemory({ ...draft, valid_to: "2030-01-01" }, "mem_1", at(5));
  expect(revise(first, { ...draft, text: "x" }, at(9))).toMatchObject({
    startsAt: 9,
    endsAt: Date.UTC(2030, 0),
  });
  expect(revise(first, { ...draft, text: "x" }, at(Date.UTC(2031, 0)))).toMatchObject({ endsAt: undefined });
});

test("a revision that changes nothing is none; another space and a superseded memory are refused", () => {
  const first = newMemory(draft, "mem_1", at(5));
  expect(revise(first, draft, at(9))).toBeNull();
  expect(() => revise(first, { ...draft, space: "agent:b" }, at(9))).toThrow(/belongs to the space/);
  expect(() => revise({ ...first, supersededBy: "mem_2" }, { ...draft, text: "x" }, at(9))).toThrow(
    /superseded by mem_2/,
  );
});

for (const [what, item, message] of [
  [
    "a text over 200 KB",
    { text: "x".repeat(204_801) },
    /items\[3\]\.text has 204,801 bytes, at most 204,800/,
  ],
  ["bytes, not characters", { text: "é".repeat(102_401) }, /bytes/],
  ["an empty text", { text: " \n" }, /is empty/],
  ["NUL", { text: "a\0b" }, /items\[3\]\.text holds a NUL/],
  ["a lone surrogate", { text: "a\ud800b" }, /items\[3\]\.text holds a lone surrogate/],
  ["a lone surrogate in a tag", { tags: ["ok", "\udc00"] }, /items\[3\]\.tags\[1\] holds a lone surrogate/],
  ["NUL in a metadata key", { metadata: { "a\0": 1 } }, /a key of items\[3\]\.metadata holds a NUL/],
  ["bulky metadata", { metadata: { a: "x".repeat(9_000) } }, /metadata has .* bytes/],
  ["a nameless entity", { entities: [{ name: "", type: "File" }] }, /empty name/],
] as const) {
  test(`refuses ${what}`, () => {
    expect(() => checkDraft({ ...draft, ...item }, "items[3]")).toThrow(message);
  });
}

test("times need a zone and a real date", () => {
  expect(parseTime("2026-01-31T10:00:00+01:00", "as_of")).toBe(Date.UTC(2026, 0, 31, 9));
  for (const bad of ["2026-01-31T10:00:00", "yesterday", "2026-13-01", "1700000000"])
    expect(() => parseTime(bad, "as_of"), bad).toThrow(/as_of is not/);
});

test("trust follows space and source", () => {
  expect(trustOf({ space: "shared", kind: "fact", source: undefined })).toBe("own");
  expect(trustOf({ space: "shared", kind: "fact", source: { path: "src/a.ts" } })).toBe("own");
  expect(trustOf({ space: "shared", kind: "code", source: { path: "src/a.ts" } })).toBe("outside");
  expect(trustOf({ space: "shared", kind: "fact", source: { uri: "https://example.com" } })).toBe("outside");
  expect(trustOf({ space: "agent:a", kind: "fact", source: undefined })).toBe("agent");
  expect(trustOf({ space: "agent:a", kind: "fact", source: { uri: "HTTP://example.com" } })).toBe("outside");
});
