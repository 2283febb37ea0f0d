import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import {
  chromaVectors,
  endpointEmbedder,
  exactVectors,
  recallVectors,
  type Embedder,
} from "../../../../servers/memory/index.ts";
import { connect, mustCall, type Connection } from "../../../support/connect.ts";
import { embeddingEndpoint, type EmbeddingEndpoint } from "../../../support/embedding-endpoint.ts";
import { openForTest } from "../open-memory.ts";

let endpoint: EmbeddingEndpoint;
beforeAll(async () => {
  endpoint = await embeddingEndpoint();
});
afterAll(() => endpoint.close());

const embedder = (model: string, baseUrl = endpoint.baseUrl): Embedder =>
  endpointEmbedder({ baseUrl, model, key: "key", fetch, pause: () => Promise.resolve() });

async function withServer(
  given: Embedder,
  work: (open: Connection) => Promise<void>,
  path = ":memory:",
): Promise<void> {
  const { server } = openForTest(path, Date.now, [], [], { embedder: given });
  const open = await connect(server);
  await work(open);
  await open.close();
  await server.close();
}

const Answer = z.object({
  hits: z.array(z.looseObject({ id: z.string(), snippet: z.string() })),
  retrievers: z.object({
    used: z.array(z.string()),
    skipped: z.array(z.object({ name: z.string(), reason: z.string() })),
  }),
});
const recall = async ({ client }: Connection, query: string, more: object = {}) =>
  Answer.parse(await mustCall(client, "recall", { query, ...more }));
const remember = ({ client }: Connection, ...texts: readonly string[]) =>
  mustCall(client, "remember", { items: texts.map((text) => ({ text, kind: "fact" })) });

test("vectors find what shares no word with the query; without them it is lost", async () => {
  await withServer(embedder("words-64"), async (open) => {
    await remember(
      open,
      "The automobile crashed.",
      "The car park is full of snow.",
      "Soup is served at noon.",
    );
    const { hits, retrievers } = await recall(open, "vehicle failed", { explain: true });
    expect(hits[0]).toMatchObject({ snippet: "The automobile crashed.", why: { lexical: 0, vector: 0.4 } });
    expect(retrievers).toMatchObject({
      used: ["lexical", "vector", "graph", "recency", "usage"],
      skipped: [],
    });
    const rest = ["lexical", "graph", "recency", "usage"];
    expect((await recall(open, "vehicle failed", { retrievers: rest })).hits).toEqual([]);
  });
});

test("equal texts are embedded once, changed ones again, and only what changed", async () => {
  await withServer(embedder("words-32"), async (open) => {
    const { client } = open;
    const texts = Array.from(
      { length: 100 },
      (_, at) => `text ${"abcdefghij"[at % 10]}${"klmnopqrst"[Math.floor(at / 10)]}`,
    );
    await remember(open, ...texts);
    await mustCall(client, "remember", { items: [{ text: texts[0], kind: "bug" }] });
    const before = endpoint.batches.length;
    await recall(open, "text");
    const embedded = endpoint.batches.slice(before).flat();
    expect(embedded).toHaveLength(101);
    expect(endpoint.batches.slice(before).map(({ length }) => length)).toEqual([64, 36, 1]);
    const ids = (await recall(open, "text ak", { k: 1 })).hits.map(({ id }) => id);
    await mustCall(client, "update_memory", { id: ids[0], changes: { text: "a vehicle" } });
    const again = endpoint.batches.length;
    expect((await recall(open, "car")).hits[0]?.id).toBe(ids[0]);
    expect(endpoint.batches.slice(again).flat()).toEqual(["a vehicle", "car"]);
  });
});

test("a passing failure is tried again; a lasting one is told, and words still answer", async () => {
  await withServer(embedder("words-16"), async (open) => {
    await remember(open, "the word");
    endpoint.fail(503, 429);
    expect((await recall(open, "word")).retrievers.used).toContain("vector");
    endpoint.fail(500, 500, 500, 500);
    const refused = await recall(open, "word");
    expect(refused.hits).toHaveLength(1);
    expect(refused.retrievers.skipped).toEqual([
      {
        name: "vector",
        reason:
          "the embedding endpoint answered 500; check OPENAI_BASE_URL and the model's name in SLIPWAY_EMBEDDER",
      },
    ]);
    endpoint.fail(401);
    expect((await recall(open, "word")).retrievers.skipped[0]?.reason).toContain("401");
  });
  await withServer(embedder("words-16", "http://127.0.0.1:9"), async (open) => {
    await remember(open, "the word");
    const { hits, retrievers } = await recall(open, "word");
    expect(hits).toHaveLength(1);
    expect(retrievers.skipped).toMatchObject([
      { name: "vector", reason: expect.stringContaining("the embedding endpoint did not answer; ") },
    ]);
  });
});

test("another model embeds anew, and vectors of two models are never mixed", async () => {
  const { server, store } = openForTest(":memory:", Date.now, [], [], { embedder: embedder("words-16") });
  const open = await connect(server);
  await remember(open, "an automobile", "a soup");
  await recall(open, "car");
  const models = () => store.read((tx) => tx.vectorModels());
  expect(await models()).toEqual([{ model: "openai:words-16", dimension: 16, vectors: 2 }]);
  const other = recallVectors(store, embedder("words-48"), exactVectors);
  expect(await other.prepare("car")).toMatchObject({ reason: undefined });
  expect(await models()).toEqual([{ model: "openai:words-48", dimension: 48, vectors: 2 }]);
  expect(await mustCall(open.client, "get_memory_stats", {})).toMatchObject({
    model: "openai:words-16",
    vectors: [{ model: "openai:words-48", vectors: 2 }],
  });
  await open.close();
  await server.close();
});

test("a memory that follows a purged one is found, and an index that holds what is gone is filled anew", async () => {
  const { server, store } = openForTest(":memory:", Date.now, [], [], { embedder: embedder("words-16") });
  const open = await connect(server);
  await remember(open, "a soup");
  const [{ id }] = z
    .object({ items: z.tuple([z.object({ id: z.string() })]) })
    .parse(
      await mustCall(open.client, "remember", { items: [{ text: "an automobile", kind: "fact" }] }),
    ).items;
  expect((await recall(open, "car", { retrievers: ["vector"] })).hits[0]).toMatchObject({ id });
  const kept = exactVectors(16);
  const outliving = recallVectors(store, embedder("words-16"), () => kept);
  await outliving.prepare("car");
  expect(await kept.size()).toBe(2);
  await mustCall(open.client, "forget_memories", { ids: [id], reason: "wrong", purge: true });
  await remember(open, "a vehicle");
  const { hits } = await recall(open, "car", { retrievers: ["vector"] });
  expect(hits[0]).toMatchObject({ snippet: "a vehicle" });
  await recallVectors(store, embedder("words-16"), () => kept).prepare("car");
  expect(await kept.size()).toBe(2);
  await open.close();
  await server.close();
});

test("a model that answers with another dimension is told of, and never mixed in", async () => {
  let dimension = 4;
  const turning: Embedder = {
    model: "turning",
    embed: async (texts) => texts.map(() => new Float32Array(dimension).fill(1)),
  };
  await withServer(turning, async (open) => {
    await remember(open, "the word");
    expect((await recall(open, "word")).retrievers.used).toContain("vector");
    dimension = 5;
    await remember(open, "another word");
    const { hits, retrievers } = await recall(open, "word");
    expect(hits).toHaveLength(2);
    expect(retrievers.skipped[0]?.reason).toContain("a vector has 5 numbers, the index is of 4");
  });
});

test("where Chroma does not answer, words do, and the answer says so", async () => {
  const { server, store } = openForTest();
  const open = await connect(server);
  await remember(open, "the word");
  const gone = recallVectors(store, embedder("words-16"), (dimension) =>
    chromaVectors({ server: { address: async () => "http://127.0.0.1:9" }, collection: "none", dimension }),
  );
  expect(await gone.prepare("word")).toMatchObject({
    query: undefined,
    reason: expect.stringContaining("Chroma did not answer; check CHROMA_URL"),
  });
  await open.close();
  await server.close();
});
