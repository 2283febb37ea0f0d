import { join } from "node:path";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openGitBench, type GitBench } from "./git-server.ts";

let bench: GitBench;

beforeAll(async () => {
  bench = await openGitBench();
});
afterAll(() => bench.close());

it("keeps its tools within their budget, and their contract under review", async () => {
  const { tools } = await bench.client.listTools();
  // The contract's git table has nine more tools to come: half the budget is theirs.
  expect(encode(JSON.stringify(tools)).length).toBeLessThanOrEqual(4500);
  await expect(`${JSON.stringify(tools, null, 2)}\n`).toMatchFileSnapshot(
    join(import.meta.dirname, "tools-list.snapshot.json"),
  );
});

it("has all four annotations and a key on everything that writes", async () => {
  for (const { name, annotations, inputSchema } of (await bench.client.listTools()).tools) {
    expect(Object.keys(annotations ?? {}).length, name).toBeGreaterThanOrEqual(4);
    const takesKey = "idempotency_key" in (inputSchema.properties ?? {});
    expect(takesKey, name).toBe(annotations?.readOnlyHint === false);
  }
});
