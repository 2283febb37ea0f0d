import { expect, test } from "vitest";
import { z } from "zod";
import { slipwayHere } from "../../support/slipway-here.ts";

const Line = z.looseObject({
  type: z.string(),
  variant: z.string().optional(),
  outcome: z.string().optional(),
  ok: z.boolean().optional(),
});

test("a shipped instance: the right change is accepted, a deleted test is not, and the exit code says so", async () => {
  const { code, out, err } = await slipwayHere([
    "bench",
    "replay",
    "bench/replay/own.jsonl",
    ...["--only", "node-cache-new-file", "--variants", "gold,deleted_test"],
    ...["--allow-unisolated", "--json"],
  ]);
  const lines = out.map((line) => Line.parse(JSON.parse(line)));
  expect(lines.slice(0, -1).map(({ variant, outcome, ok }) => [variant, outcome, ok])).toEqual([
    ["gold", "accepted", true],
    ["deleted_test", "rejected", true],
  ]);
  expect(lines.at(-1)).toMatchObject({ type: "bench.finished", played: 2, right: 2, wrong: 0 });
  expect(err).toContain("== 1/1 node-cache-new-file");
  expect(code).toBe(0);
});

test("what cannot be played counts as wrong", async () => {
  const { code, out } = await slipwayHere([
    "bench",
    "replay",
    "test/orchestrator/replay/no-repository.jsonl",
  ]);
  expect(code).toBe(1);
  expect(out.at(-1)).toBe("0 of 9 as they must be, over 1 instances, in 0.0 s");
});

test("a misspelt variant is refused", async () => {
  const { code, err } = await slipwayHere(["bench", "replay", "x.jsonl", "--variants", "z"]);
  expect([code, ...err]).toEqual([2, 'slipway: there is no variant "z" (use a, b, c, d, d, e, f, g, h)']);
});
