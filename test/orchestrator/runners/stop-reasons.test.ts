import { expect, test } from "vitest";
import { silentLog } from "../../../kernel/log.ts";
import type { Block, ChatModel, ChatRequest, StopReason } from "../../../orchestrator/models/chat-model.ts";
import type { ModelChoice } from "../../../orchestrator/models/config.ts";
import { BUNDLED_PRICES } from "../../../orchestrator/models/prices.ts";
import { systemSleep } from "../../../orchestrator/models/retry.ts";
import { loadRoles } from "../../../orchestrator/roles/roles.ts";
import { apiRunner } from "../../../orchestrator/runners/api.ts";
import type { Outcome } from "../../../orchestrator/runners/runner.ts";
import { makeJob } from "./job.ts";

const choice: ModelChoice = { provider: "anthropic", model: "any" };
const text = (words: string): Block => ({ type: "text", text: words });
const use = (name: string, input: unknown): Block => ({ type: "tool_use", id: "t1", name, input });

type Answer = readonly [StopReason, ...Block[]];

/** Plays whole answers, also those that the scripted endpoint never gives. */
async function play(...answers: readonly Answer[]): Promise<{ outcome: Outcome; requests: ChatRequest[] }> {
  const requests: ChatRequest[] = [];
  const tokens = { inputTokens: 10, cacheReadTokens: 5, cacheWriteTokens: 1, outputTokens: 3 };
  const model: ChatModel = {
    async *stream(request) {
      const [stopReason, ...blocks] = answers[requests.length] ?? ["end_turn", text("nothing left to say")];
      requests.push(request);
      for (const block of blocks) yield { type: "block", block };
      yield { type: "end", stopReason, tokens };
    },
  };
  const runner = apiRunner({
    model,
    choices: { planner: choice, implementer: choice, reviewer: choice },
    roles: loadRoles(),
    prices: BUNDLED_PRICES,
    random: () => 0,
    sleep: systemSleep,
    log: silentLog,
  });
  const tools = { workspace: null, signal: new AbortController().signal, onEvent: () => undefined };
  return { outcome: await runner.run(makeJob(), tools), requests };
}

test("arguments that were cut off are answered as such, and nothing is done with them", async () => {
  const { outcome, requests } = await play(
    ["max_tokens", use("finish", '{"summary": "half')],
    ["tool_use", use("finish", { summary: "whole" })],
  );
  expect(outcome).toMatchObject({ status: "done", summary: "whole", turns: 2 });
  expect(requests[1]?.messages.at(-1)?.content).toMatchObject([
    { type: "tool_result", isError: true, text: expect.stringContaining("cut off") },
  ]);
});

test.each(["max_tokens", "pause"] as const)("an answer that stops for %s goes on", async (reason) => {
  const { outcome, requests } = await play(
    [reason, text("first half")],
    ["tool_use", use("finish", { summary: "done" })],
  );
  expect(outcome).toMatchObject({ status: "done", summary: "done" });
  expect(requests[1]?.messages.slice(1)).toMatchObject([
    { role: "assistant", content: [{ text: "first half" }] },
    { role: "user", content: [{ text: "Go on." }] },
  ]);
});

test("a refusal gives up, a full context fails", async () => {
  expect((await play(["refusal", text("no")])).outcome).toMatchObject({ status: "gave_up" });
  expect((await play(["context_full", text("…")])).outcome).toMatchObject({
    status: "failed",
    error: { code: "limit" },
  });
});

test("thinking goes back unchanged and in place, and cached input is counted", async () => {
  const thinking: Block = { type: "thinking", thinking: "hm", signature: "sig" };
  const redacted: Block = { type: "redacted_thinking", data: "xyz" };
  const said: readonly Block[] = [thinking, redacted, text("look"), use("no_such_tool", {})];
  const { outcome, requests } = await play(
    ["tool_use", ...said],
    ["tool_use", use("finish", { summary: "done" })],
  );
  expect(requests[1]?.messages[1]).toEqual({ role: "assistant", content: said });
  expect(outcome.usage).toEqual({ inputTokens: 32, outputTokens: 6, usd: null });
});
