import { expect, test } from "vitest";
import { changedTogether } from "../../../../../servers/memory/domain/code/co-change.ts";

const times = (count: number, ...paths: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: count }, () => paths);

test("files that change together often enough are pairs, strongest first", () => {
  const commits = [...times(5, "a", "b"), ...times(3, "a", "c"), ...times(2, "c", "d"), ...times(4, "e")];
  expect(changedTogether(commits, () => true)).toEqual([
    { a: "a", b: "b", together: 5, of: 5 },
    { a: "a", b: "c", together: 3, of: 5 },
  ]);
});

test("large commits, unknown files and rare coincidences say nothing", () => {
  const large = times(9, ...Array.from({ length: 21 }, (_, index) => `f${index}`));
  const rare = [...times(3, "a", "b"), ...times(20, "a"), ...times(20, "b")];
  expect(changedTogether([...large, ...rare], () => true)).toEqual([]);
  expect(changedTogether(times(9, "a", "b"), (path) => path !== "b")).toEqual([]);
});

test("a file keeps ten partners", () => {
  const commits = Array.from({ length: 15 }, (_, index) => times(3, "hub", `p${index}`)).flat();
  // Each is 3 of 3 for the partner, so the share holds.
  expect(changedTogether(commits, () => true)).toHaveLength(10);
});
