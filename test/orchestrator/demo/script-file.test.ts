import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DomainError } from "../../../kernel/errors.ts";
import type { Conversation, Exchange } from "../../../orchestrator/demo/conversation.ts";
import { parseScript, scriptPolicy } from "../../../orchestrator/demo/script-file.ts";

const guide = readFileSync(new URL("../../../orchestrator/demo/SCRIPTS.md", import.meta.url), "utf8");
const example = /```json\n([\s\S]*?)\n```/.exec(guide)?.[1] ?? "";

function conversation(
  exchanges: readonly Partial<Exchange>[],
  changes: Partial<Conversation> = {},
): Conversation {
  return {
    role: "implementer",
    job: { task_ref: "fix", attempt: 1, title: "", acceptance: [], paths: [] },
    opening: "",
    tools: [],
    exchanges: exchanges.map((exchange) => ({
      tool: "run_command",
      input: {},
      result: "",
      isError: false,
      ...exchange,
    })),
    ...changes,
  };
}

describe("the script of the guide", () => {
  const policy = scriptPolicy(parseScript(example));

  test("goes on only where the tools answered as expected", () => {
    expect(policy(conversation([]))).toMatchObject({ calls: [{ tool: "run_command" }] });
    expect(policy(conversation([{ result: "outcome: exited\nexit_code: 1\n" }]))).toMatchObject({
      calls: [{ tool: "replace_text" }],
    });
    const green = policy(conversation([{ result: "outcome: exited\nexit_code: 0\n" }]));
    expect(green).toMatchObject({
      calls: [{ tool: "give_up", input: { reason: expect.stringContaining("cannot reproduce") } }],
    });
    const refused = policy(conversation([{ result: "exit_code: 1", isError: true }]));
    expect(refused).toMatchObject({ calls: [{ tool: "give_up" }] });
  });

  test("takes the steps of its override, and gives up where it has none left", () => {
    const second = { job: { task_ref: "fix", attempt: 2, title: "", acceptance: [], paths: [] } };
    expect(policy(conversation([], second))).toMatchObject({
      calls: [{ tool: "give_up", input: { reason: "one try is enough" } }],
    });
    expect(policy(conversation([{}], second))).toMatchObject({
      calls: [{ input: { reason: "the script ended" } }],
    });
  });

  test("answers requests that are not a job with plain text", () => {
    expect(policy(conversation([], { role: null, job: null })).calls).toBeUndefined();
  });
});

test.each([
  ["not json", "not JSON"],
  ['{"rolls":{}}', "not valid"],
  ['{"roles":{"implementer":[]}}', "roles.implementer"],
  ['{"roles":{"implementer":[{"tool":"finish","expect":"("}]}}', "regular expression"],
  ['{"overrides":[{"role":"boss","steps":[{"tool":"x"}]}]}', "overrides.0.role"],
])("%s is refused", (text, says) => {
  const parse = () => parseScript(text);
  expect(parse).toThrow(DomainError);
  expect(parse).toThrow(says);
});
