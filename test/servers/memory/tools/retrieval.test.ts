import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import type { ToolServer } from "../../../../kernel/mcp/server.ts";
import { connect, mustCall, type Connection } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

// Every test works in a space of its own, on one server.
let server: ToolServer;
let open: Connection;
let now = Date.UTC(2026, 0, 1);

beforeAll(async () => {
  ({ server } = openForTest(":memory:", () => now));
  open = await connect(server);
});
afterAll(async () => {
  await open.close();
  await server.close();
});

const Part = z.number().nullable();
const Answer = z.object({
  hits: z.array(
    z.looseObject({
      id: z.string(),
      score: z.number(),
      why: z.object({ lexical: Part, vector: Part, graph: Part, recency: Part, usage: Part }).optional(),
      around: z.array(z.looseObject({ id: z.string() })).optional(),
    }),
  ),
  retrievers: z.object({ used: z.array(z.string()), skipped: z.array(z.object({ name: z.string() })) }),
});

const Kept = z.object({ items: z.array(z.object({ id: z.string() })) });

/** The memories of a space, and what is asked there. */
function inSpace(name: string) {
  const space = `agent:${name}`;
  return {
    async remember(...items: readonly object[]): Promise<string[]> {
      const given = items.map((item) => ({ kind: "fact", space, ...item }));
      return Kept.parse(await mustCall(open.client, "remember", { items: given })).items.map(({ id }) => id);
    },
    async recall(query: string, more: object = {}) {
      return Answer.parse(await mustCall(open.client, "recall", { query, space, ...more })).hits;
    },
  };
}

/** The first hit with all retrievers, and with all but one. */
async function ablation(
  recall: (query: string, more?: object) => Promise<z.output<typeof Answer>["hits"]>,
  query: string,
  without: string,
): Promise<readonly (string | undefined)[]> {
  const rest = ["lexical", "vector", "graph", "recency", "usage"].filter((name) => name !== without);
  return [(await recall(query))[0]?.id, (await recall(query, { retrievers: rest }))[0]?.id];
}

describe("each retriever wins some query that is lost without it", () => {
  test("lexical", async () => {
    const { remember, recall } = inSpace("lexical");
    const [right, wrong] = await remember(
      { text: "The deadlock is in the connection pool." },
      { text: "The pool is open in summer.", entities: [{ name: "deadlock", type: "Bug" }] },
    );
    expect(await ablation(recall, "deadlock of the connection", "lexical")).toEqual([right, wrong]);
  });

  test("graph: what was said just after the question, in a session about it", async () => {
    const { remember, recall } = inSpace("neighbour");
    const said = (session: string, seq: number, author: string, text: string) => ({
      text,
      kind: "message",
      thread: { id: "chat", session, seq, author },
    });
    const [, answer] = await remember(
      said("1", 1, "Ann", "Bob, which holiday trip did you choose for the camping weekend?"),
      said("1", 2, "Bob", "Norway, with the red tent! A camping weekend at last."),
      said("2", 1, "Ann", "That camping chair broke."),
      said("2", 2, "Cid", "Buy another one."),
    );
    const [best] = await recall("What did Bob choose for the camping weekend trip?");
    expect(best?.id).toBe(answer);
    const [without] = await recall("What did Bob choose for the camping weekend trip?", {
      retrievers: ["lexical"],
    });
    expect(without?.id).not.toBe(answer);
  });

  test("graph: what mentions a thing related to the one that is asked for", async () => {
    const { remember, recall } = inSpace("entity");
    const [far, near] = await remember(
      { text: "Payments are slow on Mondays, says Ann." },
      {
        text: "Payments are slow when the lock is held.",
        entities: [{ name: "LedgerStore", type: "Class" }],
      },
    );
    await mustCall(open.client, "relate_entities", {
      relations: [{ from: "PaymentService", type: "DEPENDS_ON", to: "LedgerStore" }],
    });
    const query = "PaymentService slow Mondays";
    expect(await recall(query, { retrievers: ["lexical"] })).toMatchObject([{ id: far }, { id: near }]);
    const [, second] = await recall(query, { explain: true });
    expect(second).toMatchObject({ id: near, why: { graph: 0.15 } });
    expect(await ablation(recall, "why is PaymentService slow", "graph")).toEqual([near, far]);
  });

  test("graph: the file that the question names", async () => {
    const { remember, recall } = inSpace("path");
    const [, named] = await remember(
      { text: "crash crash on start", source: { path: "src/start.ts" } },
      { text: "A crash when the queue is empty.", source: { path: "src/queue/drain.ts" } },
    );
    expect((await recall("crash in queue/drain.ts"))[0]?.id).toBe(named);
  });

  test("recency", async () => {
    const { remember, recall } = inSpace("recency");
    const [older] = await remember({
      text: `Deploys go out on Tuesday. ${"calendar ".repeat(30)}`,
    });
    now += 90 * 24 * 3_600_000;
    const [newer] = await remember({
      text: `Deploys go out on Thursday. ${"calendar ".repeat(31)}`,
    });
    expect(await ablation(recall, "when do deploys go out", "recency")).toEqual([newer, older]);
  });

  test("usage", async () => {
    const { remember, recall } = inSpace("usage");
    const [bad, good] = await remember(
      { text: "Flaky login test: retry it.", kind: "pattern" },
      { text: "Flaky login test: wait for the cookie before the assertion.", kind: "pattern" },
    );
    for (let turn = 0; turn < 6; turn += 1) {
      await mustCall(open.client, "rate_memory", { id: good, outcome: "success" });
      await mustCall(open.client, "rate_memory", { id: bad, outcome: "failure" });
    }
    expect(await ablation(recall, "flaky login test", "usage")).toEqual([good, bad]);
  });
});

test("precedents: the most similar past decision, not the latest", async () => {
  const { remember, recall } = inSpace("precedents");
  const [alike] = await remember({
    kind: "decision",
    text: "Retry queue overflow: we dropped the oldest jobs and told their owners. It worked.",
  });
  now += 300 * 24 * 3_600_000;
  await remember(
    { kind: "decision", text: "Mail queue: we chose a second worker." },
    { kind: "fact", text: "The retry queue overflows with 10,000 jobs; the oldest are dropped." },
  );
  const precedents = await recall("what to do when the retry queue overflows with jobs", {
    kinds: ["decision"],
  });
  expect(precedents).toHaveLength(2);
  expect(precedents[0]?.id).toBe(alike);
});

test("the parts of a score sum to it", async () => {
  const { remember, recall } = inSpace("sum");
  await remember(
    ...["a red fox", "a red hen", "a blue hen"].map((text, seq) => ({ text, thread: { id: "t", seq } })),
  );
  const hits = await recall("red hen", { explain: true });
  expect(hits).toHaveLength(3);
  for (const { score, why } of hits) {
    const { lexical, graph, recency, usage } = why ?? {};
    expect((lexical ?? 0) + (graph ?? 0) + (recency ?? 0) + (usage ?? 0)).toBeCloseTo(score, 2);
    expect(why?.vector).toBeNull();
  }
});

test("groups: the session that fits best, told by its best member; other spaces and threads stay out", async () => {
  const { remember, recall } = inSpace("groups");
  const said = (id: string, session: string, seq: number, text: string) => ({
    text,
    kind: "message",
    thread: { id, session, seq },
  });
  const [, zebra] = await remember(
    said("a", "1", 1, "We went to the zoo."),
    said("a", "1", 2, "The zebra of the zoo was asleep."),
    said("a", "2", 1, "The zebra crossing needs paint."),
    said("b", "1", 1, "zebra zoo zebra zoo"),
  );
  await inSpace("other").remember(said("a", "1", 3, "zebra zoo"));
  const sessions = await recall("the zebra in the zoo", { group_by: "session", thread: "a" });
  expect(sessions).toHaveLength(2);
  expect(sessions[0]).toMatchObject({ id: zebra, thread: { id: "a", session: "1" } });
  expect(await recall("zebra zoo", { group_by: "thread" })).toHaveLength(2);
  expect(await recall("zebra", { thread: { id: "a", session: "2" } })).toMatchObject([
    { thread: { session: "2" } },
  ]);
});

test("expand brings what was said before and after", async () => {
  const { remember, recall } = inSpace("expand");
  const ids = await remember(
    ...["one", "two", "needle", "four", "five"].map((text, at) => ({
      text,
      // Given in another order than they were said in.
      thread: { id: "t", seq: [3, 1, 2, 5, 4][at] },
    })),
  );
  const [hit] = await recall("needle", { expand: 1 });
  expect(hit?.around?.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
  expect((await recall("needle"))[0]).not.toHaveProperty("around");
  expect((await recall("needle", { expand: true }))[0]?.around).toHaveLength(2);
});

test("what changed, ended, moved or was purged is found as it is now", async () => {
  const { remember, recall } = inSpace("changes");
  const [kept, gone, ended] = await remember({ text: "alpha" }, { text: "beta" }, { text: "gamma" });
  expect(await recall("alpha beta gamma")).toHaveLength(3);
  await mustCall(open.client, "update_memory", { id: kept, changes: { text: "delta" } });
  await mustCall(open.client, "forget_memories", { ids: [gone], reason: "test", purge: true });
  await mustCall(open.client, "forget_memories", { ids: [ended], reason: "test" });
  expect(await recall("alpha beta gamma")).toEqual([]);
  expect(await recall("delta")).toMatchObject([{ id: kept }]);
});

test("code is found by its language, its signature and its documentation; what is dated by its date", async () => {
  const { remember, recall } = inSpace("fields");
  const [python, go] = await remember(
    { text: 'def parse(text):\n    """Reads a tree."""\n    return tree(text)', kind: "code" },
    { text: "func Parse(text string) Tree {\n\treturn tree(text)\n}", kind: "code" },
  );
  expect((await recall("python parse"))[0]?.id).toBe(python);
  expect((await recall("go parse"))[0]?.id).toBe(go);
  const [may] = await remember(
    { text: "the picnic", valid_from: "2023-05-08" },
    { text: "the picnic, the second one", valid_from: "2023-08-14" },
  );
  expect((await recall("the picnic in May 2023"))[0]?.id).toBe(may);
});

test("while a large store is being loaded, words alone are answered and it is said; then all of it is ranked", async () => {
  const large = openForTest(":memory:", () => now, [], [], { atOnce: 2 });
  const { client, close } = await connect(large.server);
  const items = ["one", "two", "three", "needle"].map((text) => ({ text, kind: "fact" }));
  await mustCall(client, "remember", { items });
  const recall = async () => Answer.parse(await mustCall(client, "recall", { query: "needle" }));
  const first = await recall();
  expect(first.hits).toHaveLength(1);
  expect(first.retrievers.used).toEqual(["lexical"]);
  expect(first.retrievers.skipped.map(({ name }) => name)).toEqual(["vector", "graph", "recency", "usage"]);
  let later = await recall();
  while (!later.retrievers.used.includes("graph")) later = await recall();
  expect(later.hits.map(({ id }) => id)).toEqual(first.hits.map(({ id }) => id));
  await close();
  await large.server.close();
});

test("two processes see each other's changes, and a store that was brought back is read anew", async () => {
  const home = mkdtempSync(join(tmpdir(), "slipway-memory-"));
  const servers = [openForTest(join(home, "m.db")), openForTest(join(home, "m.db"))];
  const [one, other] = await Promise.all(servers.map(({ server: opened }) => connect(opened)));
  if (one === undefined || other === undefined) throw new Error("not connected");
  const found = async ({ client }: Connection) =>
    Answer.parse(await mustCall(client, "recall", { query: "alpha" })).hits.length;
  await mustCall(one.client, "remember", { items: [{ text: "alpha", kind: "fact" }] });
  expect([await found(one), await found(other)]).toEqual([1, 1]);
  await mustCall(other.client, "remember", { items: [{ text: "alpha two", kind: "fact" }] });
  expect([await found(one), await found(other)]).toEqual([2, 2]);
  const file = new DatabaseSync(join(home, "m.db"));
  file.exec("DELETE FROM memory WHERE text = 'alpha'; DELETE FROM memory_change WHERE seq = 3");
  file.close();
  expect([await found(one), await found(other)]).toEqual([1, 1]);
  for (const connection of [one, other]) await connection.close();
  for (const { server: opened } of servers) await opened.close();
  rmSync(home, { recursive: true, force: true });
});
