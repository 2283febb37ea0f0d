import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterEach, expect, test } from "vitest";
import { openForTest, type OpenDecision } from "../open.ts";

let server: OpenDecision | undefined;
afterEach(() => server?.close());

test("the tools fit their token budget, and none can approve", async () => {
  server = await openForTest();
  const text = JSON.stringify(await server.tools());
  expect(encode(text).length).toBeLessThanOrEqual(2_000);
  expect([...text.matchAll(/"name":"(\w+)","title"/g)].map((match) => match[1])).toEqual([
    "assess_risk",
    "decide",
    "get_approval",
    "record_outcome",
    "explain_decision",
  ]);
});
