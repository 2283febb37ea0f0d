import type { Client } from "@modelcontextprotocol/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connect, mustCall, type Connection } from "../../../support/connect.ts";
import { tasksForTest } from "../../../support/tasks.ts";

let open: Connection;
let client: Client;
let queue: ReturnType<typeof tasksForTest>;

beforeEach(async () => {
  queue = tasksForTest();
  open = await connect(queue.server);
  client = open.client;
});
afterEach(async () => {
  await open.close();
  await queue.server.close();
});

test("lists stay inside their budget and lead on by cursor", async () => {
  await mustCall(client, "add_tasks", {
    tasks: Array.from({ length: 300 }, (_, i) => ({
      title: `task number ${i} ${"x".repeat(100)}`,
      description: "y".repeat(1_000),
    })),
  });
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await mustCall(client, "list_tasks", {
      limit: 500,
      max_tokens: 2_000,
      ...(cursor === undefined ? {} : { cursor }),
    });
    expect(JSON.stringify(page).length / 3).toBeLessThan(2_000);
    const parsed: { tasks: { id: string }[]; next_cursor?: string } = JSON.parse(JSON.stringify(page));
    seen.push(...parsed.tasks.map((task) => task.id));
    cursor = parsed.next_cursor;
  } while (cursor !== undefined);
  expect(new Set(seen).size).toBe(300);
});

test("a large task is given out within the budget, and says what was cut", async () => {
  await mustCall(client, "add_tasks", {
    tasks: [{ title: "big", description: "d".repeat(50_000), context: { blob: "c".repeat(50_000) } }],
  });
  const answer = await mustCall(client, "claim_task", { agent: "ann", max_tokens: 1_000 });
  expect(JSON.stringify(answer).length / 3).toBeLessThan(1_100);
  expect(answer).toMatchObject({ task: { title: "big", truncated: ["context", "description"] } });
});

test("events tell the whole story in order and wake a waiting reader", async () => {
  await mustCall(client, "add_tasks", { tasks: [{ title: "a" }] });
  const waiting = mustCall(client, "read_events", { after: 2, wait_ms: 5_000, types: ["task.claimed"] });
  await mustCall(client, "claim_task", { agent: "ann" });
  expect(await waiting).toMatchObject({
    events: [
      { type: "task.claimed", subject: "tsk_0001", principal: "local", data: { agent: "ann", attempt: 1 } },
    ],
  });
  await mustCall(client, "complete_task", { token: "clm_1" });
  const all: { events: { seq: number; type: string }[] } = JSON.parse(
    JSON.stringify(await mustCall(client, "read_events", {})),
  );
  expect(all.events.map((event) => event.type)).toEqual([
    "task.added",
    "task.ready",
    "task.claimed",
    "task.completed",
  ]);
  expect(all.events.map((event) => event.seq)).toEqual([1, 2, 3, 4]);
});
