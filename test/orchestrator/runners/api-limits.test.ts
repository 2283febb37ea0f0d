import { describe, expect, test } from "vitest";
import { call } from "../../../orchestrator/demo/policy-reply.ts";
import type { Policy } from "../../../orchestrator/demo/conversation.ts";
import type { Fault } from "../../../orchestrator/demo/scripted-model.ts";
import { BUNDLED_PRICES } from "../../../orchestrator/models/prices.ts";
import type { PriceTable } from "../../../orchestrator/models/prices.ts";
import type { Workspace } from "../../../orchestrator/runners/runner.ts";
import { apiBench } from "./api-bench.ts";

const { workspace, events, requests, run } = apiBench();

const PRICES: PriceTable = {
  asOf: "2026-11-20",
  models: { "some-model": { inputUsd: 1, outputUsd: 1 } },
};

describe("limits", () => {
  test.each([
    ["tokens", { tokens: 20_000 }, BUNDLED_PRICES, 20_000],
    ["usd", { usd: 0.02 }, PRICES, 20_000],
  ] as const)("a budget in %s stops the job, at most one call over", async (limit, budget, prices, most) => {
    let largest = 0;
    let before = 0;
    const outcome = await run(
      () => call("run_command", { command: "z".repeat(5_000) }),
      { budget },
      { prices, maxTurns: 60 },
    );
    for (const event of events) {
      if (event.type !== "usage") continue;
      const total = event.usage.inputTokens + event.usage.outputTokens;
      largest = Math.max(largest, total - before);
      before = total;
    }
    expect(outcome).toMatchObject({ status: "budget", limit });
    expect(outcome.turns).toBeGreaterThan(1);
    const spent = (outcome.usage?.inputTokens ?? 0) + (outcome.usage?.outputTokens ?? 0);
    expect(spent).toBe(before);
    expect(spent).toBeLessThanOrEqual(most + largest);
    if (limit === "usd") expect(outcome.usage?.usd).toBeCloseTo(spent / 1e6, 9);
  });

  test("a budget in money for a model without a price stops before the first call", async () => {
    expect(await run(() => call("list_files", {}), { budget: { usd: 5 } })).toMatchObject({
      status: "budget",
      limit: "usd",
      turns: 0,
    });
    expect(requests()).toBe(0);
  });

  test("failed attempts count too: cut streams cannot run past the budget", async () => {
    const faults = (): Fault => ({ kind: "cut", afterEvents: 3 });
    const outcome = await run(() => call("list_files", {}), { budget: { tokens: 3_000 } }, { faults });
    expect(["budget", "failed"]).toContain(outcome.status);
    expect(outcome.usage?.inputTokens).toBeGreaterThan(0);
    expect(requests()).toBeLessThan(8);
  });

  test("the wall clock stops a job that waits for a command", async () => {
    const slow: Workspace = { ...workspace, run: () => new Promise(() => {}) };
    const outcome = await run(
      () => call("run_command", { command: "sleep" }),
      { budget: { wallS: 0.3 } },
      { workspace: slow },
    );
    expect(outcome).toMatchObject({ status: "budget", limit: "wall" });
  });

  test.each([0, 2])(
    "an abort ends it as cancelled, in a call stalled after %i events",
    async (afterEvents) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 100);
      const faults = (): Fault => ({ kind: "stall", afterEvents });
      expect(await run(() => ({}), {}, { signal: controller.signal, faults })).toMatchObject({
        status: "cancelled",
      });
    },
  );
});

test("with 30 % of the calls failing, no job is lost and no tool runs twice", async () => {
  const kinds: readonly Fault[] = [
    { kind: "status", status: 429, retryAfter: "0" },
    { kind: "status", status: 529 },
    { kind: "cut", afterEvents: 4 },
    { kind: "stall", afterEvents: 2 },
  ];
  let injected = 0;
  // Every third request or so fails, each kind in turn; the pattern is fixed, so the test is too.
  const faults = (request: number): Fault | null => {
    if (![1, 4, 7].includes(request % 10)) return null;
    injected += 1;
    return kinds[injected % kinds.length] ?? null;
  };
  let writes = 0;
  const counting: Workspace = {
    ...workspace,
    async write() {
      writes += 1;
    },
  };
  const policy: Policy = ({ exchanges }) =>
    exchanges.length < 18
      ? call("write_file", { path: `f${exchanges.length}`, text: "x" })
      : call("finish", { summary: "done" });
  expect(await run(policy, {}, { faults, workspace: counting })).toMatchObject({ status: "done", turns: 19 });
  expect(writes).toBe(18);
  expect(injected).toBeGreaterThanOrEqual(6);
  expect(events.filter((event) => event.type === "retry")).toHaveLength(injected);
});

test("an endpoint that stays down is a failure that may be tried later, not an exception", async () => {
  const outcome = await run(() => ({}), {}, { faults: () => ({ kind: "status", status: 529 }) });
  expect(outcome).toMatchObject({
    status: "failed",
    error: { code: "unavailable", retryable: true },
    turns: 0,
  });
  expect(requests()).toBe(8);
});
