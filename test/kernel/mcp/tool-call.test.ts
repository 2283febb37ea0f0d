import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { KERNEL_TABLES } from "../../../kernel/events.ts";
import type { Log } from "../../../kernel/log.ts";
import { bindTools, type ToolServer } from "../../../kernel/mcp/server.ts";
import { defineTool, READS, WRITES } from "../../../kernel/mcp/tool.ts";
import { openDatabase } from "../../../kernel/sqlite/open.ts";
import { storeOver, type Store } from "../../../kernel/store.ts";
import { callTool, connect, mustCall, type Connection } from "../../support/connect.ts";

interface Deps {
  readonly store: Store<{ add(name: string): void; count(): number }>;
}

const addNote = defineTool({
  name: "add_note",
  title: "Add a note",
  description: "Adds a note.",
  input: z.object({ name: z.string(), idempotency_key: z.string().optional() }),
  output: z.object({ count: z.int(), text: z.string().optional() }),
  annotations: WRITES,
  run: ({ name }, { store }: Deps, call) =>
    store.answer(call, (tx) => {
      if (name === "bad")
        throw new DomainError("invalid", "a note cannot be bad", { hint: "name it otherwise" });
      tx.add(name);
      return { count: tx.count(), ...(name === "long" ? { text: "x".repeat(200_000) } : {}) };
    }),
});

const failHard = defineTool({
  name: "fail_hard",
  title: "Fail",
  description: "Fails in a way nobody foresaw.",
  input: z.object({}),
  output: z.object({}),
  annotations: READS,
  run: (_input, _deps: Deps) => {
    throw new Error("secret detail");
  },
});

const answerHuge = defineTool({
  name: "answer_huge",
  title: "Huge",
  description: "Answers with more than a host takes.",
  input: z.object({}),
  output: z.object({ text: z.string() }),
  annotations: READS,
  run: (_input, _deps: Deps) => ({ text: "x".repeat(200_000) }),
});

const askFirst = defineTool({
  name: "ask_first",
  title: "Ask",
  description: "Asks the person at the host.",
  input: z.object({}),
  output: z.object({ answer: z.string() }),
  annotations: READS,
  run: (_input, _deps: Deps, call) => {
    if (call.ask === undefined) return { answer: "nobody to ask" };
    const reply = call.ask("sure", "Are you sure?", z.object({ sure: z.boolean() }));
    return { answer: reply.action === "accept" ? `sure: ${String(reply.content.sure)}` : reply.action };
  },
});

const logged: string[] = [];
const log: Log = (_level, message, fields) => void logged.push(`${message} ${JSON.stringify(fields)}`);

function openNotes(): ToolServer {
  const db = openDatabase({
    path: ":memory:",
    applicationId: 1,
    migrations: [`${KERNEL_TABLES} CREATE TABLE note (name TEXT NOT NULL) STRICT;`],
  });
  const store = storeOver(db, Date.now, (sql, emit) => ({
    add(name: string) {
      sql.run("INSERT INTO note (name) VALUES (?)", name);
      emit({ type: "memory.remembered", subject: name, data: {} });
    },
    count: () => Number(sql.get("SELECT count(*) AS n FROM note")?.["n"]),
  }));
  return {
    name: "notes",
    instructions: "Keeps notes.",
    tools: bindTools([addNote, failHard, answerHuge, askFirst], { store }, store),
    log,
    close: async () => store.close(),
  };
}

let open: Connection | undefined;
afterEach(async () => {
  await open?.close();
  logged.length = 0;
});

for (const era of ["2026-07-28", "2025-11-25"] as const) {
  test(`answers and refusals reach a ${era} client`, async () => {
    const server = openNotes();
    open = await connect(server, era);
    expect(await mustCall(open.client, "add_note", { name: "a" })).toEqual({ count: 1 });
    expect(await callTool(open.client, "add_note", { name: "bad" })).toEqual({
      ok: false,
      error: {
        code: "invalid",
        message: "a note cannot be bad",
        hint: "name it otherwise",
        retryable: false,
      },
    });
    expect(await callTool(open.client, "add_note", { name: 7 })).toEqual({
      ok: false,
      error: {
        code: "invalid",
        message: "name: Invalid input: expected string, received number",
        hint: "correct these arguments: the list of tools has the schema of add_note",
        retryable: false,
      },
    });
    expect(await mustCall(open.client, "add_note", { name: "b" })).toEqual({ count: 2 });
    await server.close();
  });

  test(`a question is answered by the person at a ${era} host, or by nobody`, async () => {
    open = await connect(openNotes(), era);
    expect(await mustCall(open.client, "ask_first", {})).toEqual({ answer: "nobody to ask" });
    for (const [action, content, answer] of [
      ["accept", { sure: true }, "sure: true"],
      ["decline", undefined, "decline"],
      ["cancel", undefined, "cancel"],
    ] as const) {
      const asked = await connect(openNotes(), era, () =>
        content === undefined ? { action } : { action, content },
      );
      expect(await mustCall(asked.client, "ask_first", {})).toEqual({ answer });
      await asked.close();
    }
  });
}

test("the same idempotency key gives the same answer, other arguments a conflict, a refusal uses no key up", async () => {
  open = await connect(openNotes());
  const { client } = open;
  expect(await mustCall(client, "add_note", { name: "a", idempotency_key: "k" })).toEqual({ count: 1 });
  expect(await mustCall(client, "add_note", { name: "a", idempotency_key: "k" })).toEqual({ count: 1 });
  const other = await callTool(client, "add_note", { name: "b", idempotency_key: "k" });
  expect(other).toMatchObject({ ok: false, error: { code: "conflict" } });
  expect((await callTool(client, "add_note", { name: "bad", idempotency_key: "k2" })).ok).toBe(false);
  expect(await mustCall(client, "add_note", { name: "good", idempotency_key: "k2" })).toEqual({ count: 2 });
});

test("twenty calls at once with one key change the store once", async () => {
  open = await connect(openNotes());
  const { client } = open;
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => mustCall(client, "add_note", { name: "a", idempotency_key: "k" })),
  );
  expect(new Set(answers.map((answer) => answer["count"]))).toEqual(new Set([1]));
});

test("a defect shows a correlation id to the caller and its details to the log only", async () => {
  open = await connect(openNotes());
  const answer = await callTool(open.client, "fail_hard", {});
  expect(JSON.stringify(answer)).not.toContain("secret detail");
  expect(JSON.stringify(answer)).toMatch(/correlation id [0-9a-f-]{36}/);
  expect(logged.join()).toContain("secret detail");
});

test("an answer larger than any host takes is refused", async () => {
  open = await connect(openNotes());
  expect(await callTool(open.client, "answer_huge", {})).toMatchObject({
    ok: false,
    error: { code: "limit" },
  });
});

test("a change whose answer no host takes is not made", async () => {
  open = await connect(openNotes());
  const { client } = open;
  expect(await callTool(client, "add_note", { name: "long", idempotency_key: "k" })).toMatchObject({
    ok: false,
    error: { code: "limit", retryable: false },
  });
  expect(await mustCall(client, "add_note", { name: "short", idempotency_key: "k" })).toEqual({ count: 1 });
});
