import type { Acceptance } from "../../../../servers/tasks/domain/task.ts";
import { matchesGlob } from "node:path/posix";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoffMs, MAX_BACKOFF_MS } from "../../../../servers/tasks/domain/backoff.ts";
import { dependencyOrder, findProblem, mergeDependencies } from "../../../../servers/tasks/domain/batch.ts";
import { weighEvidence, type CheckedReceipt } from "../../../../servers/tasks/domain/evidence.ts";
import { globsOverlap } from "../../../../servers/tasks/domain/paths.ts";

describe("the pause before a retry", () => {
  test.each([
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [9, 256_000],
    [10, MAX_BACKOFF_MS],
    [1_000, MAX_BACKOFF_MS],
  ])("after %i attempts it is at most %i ms", (attempt, ms) => {
    expect(backoffMs(attempt, 0)).toBe(ms);
    expect(backoffMs(attempt, 1)).toBe(ms / 2);
    expect(backoffMs(attempt, 0.5)).toBe(ms * 0.75);
  });
});

const segment = fc.constantFrom(
  "src",
  "core",
  "a.ts",
  "b.ts",
  "*",
  "**",
  "*.ts",
  "{src,core}",
  "[ab].ts",
  "@(src|core)",
  "+(a|b).ts",
  "?.ts",
  "!(x)",
  "!(a.ts)",
);
const plain = fc.constantFrom("src", "core", "a.ts", "b.ts");
const glob = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const file = fc.array(plain, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));

describe("globs overlap", () => {
  test("wherever they share a file", () => {
    let shared = 0;
    fc.assert(
      fc.property(glob, glob, file, (a, b, path) => {
        if (!matchesGlob(path, a) || !matchesGlob(path, b)) return;
        shared += 1;
        expect(globsOverlap(a, b)).toBe(true);
        expect(globsOverlap(`./${a}`, b)).toBe(true);
      }),
      { numRuns: 2_000, seed: 3 },
    );
    expect(shared).toBeGreaterThan(40);
  });
  test.each([
    ["src/@(a|b).ts", "src/a.ts", true],
    ["src/../docs/a.md", "docs/a.md", true],
    ["./src//core", "src/core/a.ts", true],
    ["SRC/a.ts", "src/a.ts", true],
    ["caf\u00e9/a", "cafe\u0301/a", true],
    ["../other/a", "src/a", true],
    ["src/a.ts", "src/b.ts", false],
    ["docs/**", "src/**", false],
    ["src/core", "src/corex", false],
  ])("%s and %s: %s", (a, b, expected) => {
    expect(globsOverlap(a, b)).toBe(expected);
    expect(globsOverlap(b, a)).toBe(expected);
  });
});

test("a batch is ordered so that everything comes after what it depends on", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.nat({ max: 40 }), { maxLength: 4 }), { maxLength: 40 }),
      fc.boolean(),
      (wishes, reversed) => {
        const list = wishes.map((on, place) => ({
          ref: `r${place}`,
          dependsOn: on
            .filter((other) => other < place)
            .map((other) => ({ task: `r${other}`, on: "success" as const })),
        }));
        const items = reversed ? list.reverse() : list;
        expect(findProblem(items)).toBeNull();
        const order = dependencyOrder(items).map((place) => items[place]);
        expect(order).toHaveLength(items.length);
        const seen = new Set<string>();
        for (const item of order) {
          for (const { task } of item?.dependsOn ?? []) expect(seen.has(task)).toBe(true);
          seen.add(item?.ref ?? "");
        }
      },
    ),
  );
});

test("a dependency named twice is one, and success wins over finish", () => {
  const finish = { task: "a", on: "finish" } as const;
  const success = { task: "a", on: "success" } as const;
  expect(mergeDependencies([finish, success, finish])).toEqual([success]);
  expect(mergeDependencies([success, finish])).toEqual([success]);
  expect(mergeDependencies([finish, finish])).toEqual([finish]);
});

describe("evidence that proves less than it seems to", () => {
  const ran: CheckedReceipt = {
    isFor: () => true,
    tree: "tree",
    outcome: "exited",
    exitCode: 0,
    startedAt: 10,
    isPlain: true,
  };
  const old = { kind: "unmet", unmet: ["t: the receipt is older than this attempt"] };
  test.each<[string, Acceptance, CheckedReceipt, string | null, unknown]>([
    ["tests that had to fail before", { tests: "t", must_fail_before: true }, ran, null, "needs_review"],
    ["tests that nobody may touch", { tests: "t", protect: ["test/**"] }, ran, null, "needs_review"],
    ["neither", { tests: "t", must_fail_before: false, protect: [] }, ran, null, "met"],
    ["not walled off", { run: "t" }, { ...ran, isPlain: false }, null, "needs_review"],
    ["before the attempt", { run: "t" }, { ...ran, startedAt: 9 }, null, old],
    ["before it, over the tree named", { run: "t" }, { ...ran, startedAt: 9 }, "tree", "needs_review"],
    ["before it, failed", { run: "t" }, { ...ran, startedAt: 9, exitCode: 1 }, "tree", old],
  ])("%s", (_, item, receipt, tree, verdict) => {
    expect(
      weighEvidence([item], { receipts: [receipt], tree, since: 10, output: null, artifacts: [] }),
    ).toEqual(typeof verdict === "string" ? { kind: verdict } : verdict);
  });
});

describe("evidence", () => {
  const receipt = (
    command: string,
    outcome = "exited",
    exitCode: number | null = 0,
    tree = "tree",
  ): CheckedReceipt => ({
    startedAt: 10,
    isPlain: true,
    isFor: (wanted) => wanted === command,
    tree,
    outcome,
    exitCode,
  });
  test.each<[string, (CheckedReceipt | null)[], unknown]>([
    ["none", [], { kind: "needs_review" }],
    ["all", [receipt("a"), receipt("b")], { kind: "met" }],
    ["one missing", [receipt("a")], { kind: "unmet", unmet: ["no receipt for: b"] }],
    [
      "a failure and then a success",
      [receipt("a", "exited", 1), receipt("a"), receipt("b")],
      { kind: "met" },
    ],
    ["a timeout", [receipt("a"), receipt("b", "timeout", null)], { kind: "unmet", unmet: ["b: timeout"] }],
    [
      "exit 0 of a killed run",
      [receipt("a"), receipt("b", "oom", 0)],
      { kind: "unmet", unmet: ["b: oom 0"] },
    ],
    [
      "one of another tree",
      [receipt("a"), receipt("b", "exited", 0, "other")],
      { kind: "unmet", unmet: ["b: the receipt is of another tree"] },
    ],
    [
      "another tree's beside the right one",
      [receipt("a"), receipt("b", "exited", 1, "other"), receipt("b")],
      { kind: "met" },
    ],
    [
      "one forged among enough",
      [receipt("a"), receipt("b"), null],
      { kind: "unmet", unmet: ["1 of the receipts cannot be verified"] },
    ],
  ])("%s", (_, receipts, verdict) => {
    expect(
      weighEvidence([{ run: "a" }, { tests: "b" }], {
        receipts,
        tree: "tree",
        since: 10,
        output: null,
        artifacts: [],
      }),
    ).toEqual(verdict);
  });
  test("without acceptance nothing is weighed", () =>
    expect(
      weighEvidence([], { receipts: [null], tree: null, since: null, output: null, artifacts: [] }),
    ).toEqual({
      kind: "no_acceptance",
    }));

  test.each<[string, Acceptance[], unknown, string[], unknown]>([
    [
      "a fitting output",
      [{ output_schema: { type: "object", required: ["n"] } }],
      { n: 1 },
      [],
      { kind: "met" },
    ],
    [
      "a wrong output",
      [{ output_schema: { type: "object", required: ["n"] } }],
      {},
      [],
      { kind: "unmet", unmet: ["output.n is missing"] },
    ],
    [
      "artifacts by name or path",
      [{ artifacts: ["a.md", "b.md"] }],
      null,
      ["out/a.md", "b.md"],
      { kind: "met" },
    ],
    [
      "one of two artifacts",
      [{ artifacts: ["a.md", "b.md"] }],
      null,
      ["xa.md", "b.md"],
      { kind: "unmet", unmet: ["no artifact a.md"] },
    ],
    [
      "what only a reviewer can tell",
      [{ artifacts: ["a"] }, { review: "reads well" }],
      null,
      ["a"],
      { kind: "needs_review" },
    ],
    [
      "what fails before a reviewer sees it",
      [{ artifacts: ["a"] }, { review: "reads well" }],
      null,
      [],
      { kind: "unmet", unmet: ["no artifact a"] },
    ],
  ])("%s", (_, acceptance, output, artifacts, verdict) => {
    expect(weighEvidence(acceptance, { receipts: [], tree: null, since: null, output, artifacts })).toEqual(
      verdict,
    );
  });
});
