import { expect, test } from "vitest";
import type { ChangeInHistory } from "../../../../servers/decision/domain/change.ts";
import { metricsOf } from "../../../../servers/decision/domain/metrics.ts";

const DAY = 86_400_000;
const file = (
  path: string,
  added: number | null,
  deleted: number | null,
  linesBefore: number | null = 0,
  previousPath = path,
) => ({
  path,
  previousPath,
  added,
  deleted,
  linesBefore,
});
const change = (parts: Partial<ChangeInHistory>): ChangeInHistory => ({
  base: "b",
  head: "h",
  author: "ann",
  at: 1_000 * DAY,
  files: [],
  messages: [],
  past: [],
  historyKnown: true,
  historyCut: false,
  ...parts,
});

test("the fourteen metrics of a small change, computed by hand", () => {
  const metrics = metricsOf(
    change({
      files: [file("src/a.ts", 3, 1, 100), file("src/b.ts", 4, 0, 50), file("docs/c.md", 8, 0)],
      messages: ["Add a thing", "fix: the thing"],
      past: [
        { author: "ann", at: 990 * DAY, paths: ["src/a.ts", "src/b.ts"] },
        { author: "bob", at: 980 * DAY, paths: ["src/a.ts"] },
        { author: "ann", at: (1_000 - 365) * DAY, paths: ["web/x.ts"] },
      ],
    }),
  );
  expect(metrics).toEqual({
    ns: 2,
    nd: 2,
    nf: 3,
    // Shares 1/4, 1/4, 1/2.
    entropy: 1.5,
    la: 15,
    ld: 1,
    lt: 150,
    fix: 1,
    ndev: 2,
    age: 10,
    nuc: 2,
    exp: 2,
    rexp: 1 / (10 / 365 + 1) + 1 / 2,
    sexp: 1,
  });
});

test("a renamed file is looked up in history under its old name", () => {
  const files = [file("new/a.ts", 1, 0, 9, "old/a.ts")];
  expect(metricsOf(change({ files, past: [{ author: "bob", at: 0, paths: ["old/a.ts"] }] }))).toMatchObject({
    nuc: 1,
    ndev: 1,
    age: 1_000,
  });
});

test.each<[name: string, parts: Partial<ChangeInHistory>, expected: Partial<ReturnType<typeof metricsOf>>]>([
  ["an empty range measures zero", {}, { nf: 0, la: 0, ld: 0, entropy: 0, lt: 0, nuc: 0, age: null }],
  ["one file has no spread", { files: [file("a", 9, 9)] }, { entropy: 0, la: 9, ld: 9 }],
  [
    "binary files alone have unknown size",
    { files: [file("a.png", null, null)] },
    { la: null, ld: null, entropy: 0, nf: 1 },
  ],
  [
    "a binary file beside text leaves the text counted",
    { files: [file("a.png", null, null), file("b", 2, 1)] },
    { la: 2, ld: 1, nf: 2 },
  ],
  ["an uncounted length is unknown", { files: [file("a", 1, 1, null)] }, { lt: null }],
  [
    "a shallow clone has no history",
    { files: [file("a", 1, 1)], historyKnown: false },
    { nuc: null, ndev: null, age: null, exp: null, rexp: null, sexp: null },
  ],
  ["prefix is no bug fix", { messages: ["add a prefix", "suffix them"] }, { fix: 0 }],
  [
    "a past newer than the change counts as no time ago",
    { files: [file("a", 1, 0)], past: [{ author: "bob", at: 2_000 * DAY, paths: ["a"] }] },
    { age: 0 },
  ],
])("%s", (_name, parts, expected) => {
  expect(metricsOf(change(parts))).toMatchObject(expected);
});
