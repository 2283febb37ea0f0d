import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../support/all-servers.ts";
import { callTool, connect, type Connection } from "../../../support/connect.ts";
import { tasksForTest } from "../../../support/tasks.ts";
import { codeOf, run } from "../call.ts";

let open: Connection;
let client: Client;
let queue: ReturnType<typeof tasksForTest>;
let looks: number;
beforeEach(async () => {
  looks = 0;
  queue = tasksForTest(":memory:", (store) => ({
    ...store,
    events(query) {
      looks += 1;
      return store.events(query);
    },
  }));
  open = await connect(queue.server);
  client = open.client;
});
afterEach(async () => {
  await open.close();
  await queue.server.close();
});

describe("texts and values come back as they went in", () => {
  test.each<[string, unknown]>([
    ["NUL and controls", { text: "a\u0000b\u001b[31m\u202e" }],
    ["a lone surrogate in JSON", { text: "a\ud800b" }],
    ["keys of prototypes", JSON.parse('{"constructor": {"prototype": 1}, "toString": null}')],
    ["numbers", [1e308, -0.5, 2 ** 53, 5e-324]],
    ["depth", JSON.parse(`${"[".repeat(200)}${"]".repeat(200)}`)],
  ])("%s", async (_, value) => {
    await run(queue.server, "add_tasks", {
      tasks: [{ title: "a\u0000\u202eb", description: "x\u0000y", context: value }],
    });
    const { task } = await run<{ task: Record<string, unknown> }>(queue.server, "get_task", {
      id: "tsk_0001",
      max_tokens: 20_000,
    });
    expect(task["title"]).toBe("a\u0000\u202eb");
    expect(task["description"]).toBe("x\u0000y");
    expect(JSON.stringify(task["context"])).toBe(JSON.stringify(value));
  });

  test("a name that is not well-formed cannot be two names", async () => {
    await run(queue.server, "add_tasks", { tasks: [{ title: "a", acceptance: [{ run: "check" }] }] });
    const { claim } = await run<{ claim: { token: string } }>(queue.server, "claim_task", {
      agent: "a\ud800",
    });
    await run(queue.server, "complete_task", { token: claim.token });
    expect(
      await codeOf(queue.server, "review_task", { id: "tsk_0001", agent: "a\ud800", verdict: "accept" }),
    ).toBe("denied");
  });

  test("what is too large or too deep is refused, and the server goes on", async () => {
    const big = { blob: "x".repeat(200_001) };
    expect(await callTool(client, "add_tasks", { tasks: [{ title: "a", context: big }] })).toMatchObject({
      ok: false,
      error: { code: "limit" },
    });
    const deep: unknown = JSON.parse(`${"[".repeat(3_000)}${"]".repeat(3_000)}`);
    expect(await callTool(client, "add_tasks", { tasks: [{ title: "a", context: deep }] })).toMatchObject({
      ok: false,
      error: { code: "invalid", message: "the arguments nest deeper than 500 levels", retryable: false },
    });
    expect(await callTool(client, "add_tasks", { tasks: [{ title: "b" }] })).toMatchObject({ ok: true });
  });
});

describe("a cursor of list_tasks", () => {
  test("that nobody gave is refused instead of beginning again", async () => {
    expect(await callTool(client, "list_tasks", { cursor: "tsk_none" })).toMatchObject({
      ok: false,
      error: { code: "invalid" },
    });
  });
});

describe("read_events", () => {
  const read = (args: Record<string, unknown>) =>
    run<{ events: { seq: number; type: string }[]; next_cursor: number }>(queue.server, "read_events", args);

  test("moves on over what its filter left out, and loses nothing that comes later", async () => {
    await run(queue.server, "add_tasks", { tasks: [{ title: "a" }, { title: "b" }] });
    const first = await read({ types: ["task.claimed"] });
    expect(first).toEqual({ events: [], next_cursor: 4 });
    await run(queue.server, "claim_task", { agent: "ann" });
    expect(await read({ types: ["task.claimed"], after: first.next_cursor })).toMatchObject({
      events: [{ seq: 5 }],
      next_cursor: 5,
    });
  });

  test("takes the types of other servers, of which it has none, and no others", async () => {
    expect(await read({ types: ["tests.finished"] })).toEqual({ events: [], next_cursor: 0 });
    await expect(read({ types: ["tests.done"] })).rejects.toThrow("Invalid option");
  });

  test("with a limit stops at the last one given", async () => {
    await run(queue.server, "add_tasks", { tasks: [{ title: "a" }, { title: "b" }, { title: "c" }] });
    const seen: number[] = [];
    let after = 0;
    for (
      let page = await read({ limit: 1, types: ["task.ready"] });
      page.events.length > 0;
      page = await read({ limit: 1, types: ["task.ready"], after })
    ) {
      seen.push(...page.events.map(({ seq }) => seq));
      after = page.next_cursor;
    }
    expect(seen).toEqual([2, 4, 6]);
  });

  test("waits no longer than asked for, even while the clock stands still", async () => {
    expect(await read({ wait_ms: 250 })).toEqual({ events: [], next_cursor: 0 });
    // At once, after 100 and 200 ms, and at the end.
    expect(looks).toBe(4);
  });

  test("stops waiting when it is cancelled", async () => {
    const abort = new AbortController();
    const waiting = run(queue.server, "read_events", { wait_ms: 45_000 }, abort.signal);
    abort.abort();
    expect(await waiting).toEqual({ events: [], next_cursor: 0 });
    expect(looks).toBeLessThanOrEqual(2);
  });
});

describe("over a restart", () => {
  test("every changing tool answers a repeated key as before, and changes nothing more", async () => {
    const home = temporaryFolder("tasks-restart");
    const path = join(home.path, "tasks.db");
    let server = tasksForTest(path).server;
    const twice = async <T>(name: string, args: Record<string, unknown>): Promise<T> => {
      const keyed = { ...args, idempotency_key: `${name}-${JSON.stringify(args)}` };
      const first = await run<T>(server, name, keyed);
      const events = (await run(server, "read_events", {}))["next_cursor"];
      await server.close();
      server = tasksForTest(path).server;
      expect(await run(server, name, keyed)).toEqual(first);
      expect((await run(server, "read_events", {}))["next_cursor"]).toBe(events);
      expect(
        await codeOf(server, name, {
          ...keyed,
          max_tokens: 300,
          title: "other",
          id: "other",
          token: "other",
          tasks: [{ title: "other" }],
        }),
      ).toBe("conflict");
      return first;
    };
    const token = async (agent: string): Promise<string> =>
      (await twice<{ claim: { token: string } }>("claim_task", { agent })).claim.token;
    await twice("add_tasks", { tasks: [{ title: "a", acceptance: [{ run: "check" }] }] });
    const first = await token("ann");
    await twice("report_progress", { token: first, note: "n" });
    await twice("release_task", { token: first });
    const second = await token("bob");
    await twice("fail_task", { token: second, error: { message: "no" } });
    await twice("update_task", { id: "tsk_0001", changes: { status: "ready" } });
    const third = await token("cyd");
    await twice("complete_task", { token: third });
    await twice("review_task", { id: "tsk_0001", agent: "eve", verdict: "accept" });
    await server.close();
    home.dispose();
  });
});

test("a clock set back by an hour lengthens no lease", async () => {
  await run(queue.server, "add_tasks", { tasks: [{ title: "a" }] });
  await run(queue.server, "claim_task", { agent: "ann", lease_s: 10 });
  queue.advance(-3_600_000);
  expect(await run(queue.server, "claim_task", { agent: "bob" })).toMatchObject({ task: null });
  queue.advance(10_000);
  expect(await run(queue.server, "claim_task", { agent: "bob" })).toMatchObject({ claim: { attempt: 2 } });
});

test("notes are the last twenty", async () => {
  await run(queue.server, "add_tasks", { tasks: [{ title: "a" }] });
  const { claim } = await run<{ claim: { token: string } }>(queue.server, "claim_task", { agent: "ann" });
  for (let i = 0; i < 30; i += 1)
    await run(queue.server, "report_progress", { token: claim.token, note: `note ${i}` });
  const { task } = await run<{ task: { notes: string[] } }>(queue.server, "get_task", {
    id: "tsk_0001",
    max_tokens: 20_000,
  });
  expect(task.notes).toEqual(Array.from({ length: 20 }, (_, i) => `note ${i + 10}`));
});
