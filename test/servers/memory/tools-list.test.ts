import { join } from "node:path";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { expect, test } from "vitest";
import { connect, connectOld, mustCall } from "../../support/connect.ts";
import { openForTest } from "./open-memory.ts";

test("the contract is the one on file: a change of it is a decision, not an accident", async () => {
  const { server } = openForTest();
  const { client, close } = await connect(server);
  const { tools } = await client.listTools();
  await expect(`${JSON.stringify(tools, null, 2)}\n`).toMatchFileSnapshot(
    join(import.meta.dirname, "tools-list.snapshot.json"),
  );
  await close();
  await server.close();
});

test("tools/list costs at most 3,000 tokens and names what the contract names", async () => {
  const { server } = openForTest();
  const { client, close } = await connect(server);
  const listed = await client.listTools();
  expect(listed.tools.map(({ name }) => name)).toEqual([
    "remember",
    "recall",
    "get_memories",
    "update_memory",
    "forget_memories",
    "relate_entities",
    "explore_graph",
    "find_impact",
    "index_codebase",
    "ingest_document",
    "rate_memory",
    "get_memory_stats",
  ]);
  expect(encode(JSON.stringify(listed)).length).toBeLessThanOrEqual(3_000);
  await close();
  await server.close();
});

for (const era of ["2026-07-28", "2025-11-25"] as const) {
  test(`a ${era} client remembers and recalls`, async () => {
    const { server } = openForTest();
    const { client, close } = await connect(server, era);
    await mustCall(client, "remember", { items: [{ text: "the retry queue", kind: "fact" }] });
    expect(await mustCall(client, "recall", { query: "queue" })).toMatchObject({ hits: [{ kind: "fact" }] });
    await close();
    await server.close();
  });
}

test("a client of the previous SDK line recalls", async () => {
  const { server } = openForTest();
  const { client, close } = await connectOld(server);
  const { structuredContent } = await client.callTool({ name: "recall", arguments: { query: "queue" } });
  expect(structuredContent).toMatchObject({ hits: [] });
  await close();
  await server.close();
});
