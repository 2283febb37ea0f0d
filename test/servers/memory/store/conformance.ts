import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newMemory, revise, type Draft } from "../../../../servers/memory/domain/draft.ts";
import { forgotten } from "../../../../servers/memory/domain/forget.ts";
import { queryTerms } from "../../../../servers/memory/domain/tokens.ts";
import type { MemoryStore } from "../../../../servers/memory/index.ts";
import type { Search } from "../../../../servers/memory/store/port.ts";

const WRITER = { principal: { id: "tester" }, once: undefined };
const draft = (text: string, more: Partial<Draft> = {}): Draft => ({ text, kind: "fact", ...more });
const memory = (id: string, text: string, now: number, more: Partial<Draft> = {}) =>
  newMemory(draft(text, more), id, { principal: "tester", now });

/** What every store behind the port must do. */
export function memoryStoreConformance(name: string, open: () => MemoryStore): void {
  describe(`memory store: ${name}`, () => {
    let store: MemoryStore;
    beforeEach(() => {
      store = open();
    });
    afterEach(() => store.close());

    const search = (query: string, more: Partial<Search> = {}) =>
      store.read((tx) =>
        tx.search({
          terms: queryTerms(query),
          space: "shared",
          asOf: undefined,
          now: 1_000,
          limit: 10,
          ...more,
        }),
      );
    const idsFor = async (query: string, more: Partial<Search> = {}) =>
      (await search(query, more)).map((match) => match.memory.id);
    const add = (...memories: readonly ReturnType<typeof memory>[]) =>
      store.write(WRITER, async (tx) => {
        for (const one of memories) await tx.add(one);
      });

    test("gives back exactly what it was given, whatever the names", async () => {
      const metadata: object = JSON.parse('{"__proto__":{"a":[1,null]},"constructor":"x","\\u202e":true}');
      const full = memory("mem_a", "tab\tnew\nline 😀 \u202ertl \u001b[31m \ufeff", 7, {
        title: "T",
        space: "agent:a",
        source: { uri: "https://x", path: "a.ts", commit: "c" },
        thread: { id: "t", seq: 2, author: "me" },
        tags: ["__proto__", "b"],
        metadata,
        entities: [{ name: "__proto__", type: "constructor" }],
        task_id: "tsk_1",
        valid_from: "2020-01-01",
        valid_to: "2030-01-01",
      });
      await add(full);
      const found = await store.read((tx) => tx.find(["mem_a", "mem_none"]));
      expect(found.size).toBe(1);
      expect(found.get("mem_a")).toEqual(full);
      expect(JSON.stringify(found.get("mem_a")?.metadata)).toBe(JSON.stringify(metadata));
    });

    test("undoes everything when a write throws, the index and the events too", async () => {
      await expect(
        store.write(WRITER, async (tx) => {
          await tx.add(memory("mem_a", "lost words", 1));
          throw new Error("no");
        }),
      ).rejects.toThrow("no");
      expect(await idsFor("lost words")).toEqual([]);
      expect(await store.events({ after: 0, limit: 10 })).toEqual([]);
    });

    test("finds a twin by space, kind, text, source and thread, while it holds", async () => {
      const first = memory("mem_a", "same", 1, { source: { path: "a" }, thread: { id: "t" } });
      await add(first);
      const twinOf = (more: Partial<Draft>, now = 5) =>
        store.read((tx) =>
          tx.findTwin(
            memory("mem_b", "same", now, { source: { path: "a" }, thread: { id: "t" }, ...more }),
            now,
          ),
        );
      expect((await twinOf({ tags: ["other"] }))?.id).toBe("mem_a");
      for (const other of [
        { text: "else" },
        { kind: "bug" as const },
        { space: "agent:a" },
        { source: { path: "b" } },
        { thread: { id: "t", seq: 1 } },
      ]) {
        expect(await twinOf(other), JSON.stringify(other)).toBeUndefined();
      }
      await store.write(WRITER, (tx) => tx.supersede(first, memory("mem_c", "new", 4)));
      expect(await twinOf({})).toBeUndefined();
    });

    test("ranks rare words over common ones and titles over texts; equals go newest first, then by id", async () => {
      await add(
        memory("mem_a", "the queue is a queue", 1),
        memory("mem_b", "the queue has a deadlock", 1),
        memory("mem_c", "nothing to see", 1),
        memory("mem_d", "other words here", 1, { title: "deadlock" }),
        ...["e", "f", "g", "h", "i"].map((letter, index) =>
          memory(`mem_${letter}`, "filler queue", index < 2 ? 9 : index),
        ),
      );
      expect((await idsFor("queue deadlock")).slice(0, 2)).toEqual(["mem_d", "mem_b"]);
      expect(await idsFor("filler")).toEqual(["mem_e", "mem_f", "mem_i", "mem_h", "mem_g"]);
      expect(await idsFor("filler", { limit: 2 })).toEqual(["mem_e", "mem_f"]);
    });

    test("finds identifiers by part and whole, tags, entities and paths by name", async () => {
      await add(
        memory("mem_a", "see retryQueueSize", 1),
        memory("mem_b", "x", 1, { tags: ["flaky"] }),
        memory("mem_c", "y", 1, { entities: [{ name: "PaymentService", type: "Class" }] }),
        memory("mem_d", "z", 1, { source: { path: "src/auth/token-store.ts" } }),
      );
      for (const [query, id] of [
        ["what is the queue size?", "mem_a"],
        ["RETRYQUEUESIZE", "mem_a"],
        ["flaky", "mem_b"],
        ["payment", "mem_c"],
        ["src/auth/token-store.ts", "mem_d"],
      ] as const) {
        expect(await idsFor(query), query).toEqual([id]);
      }
    });

    test("every filter narrows", async () => {
      await add(
        memory("mem_a", "word", 1, {
          tags: ["x", "y"],
          metadata: { n: 1, s: "1", b: true, nil: null },
          thread: { id: "t1" },
        }),
        memory("mem_b", "word", 1, { kind: "bug", tags: ["x"], metadata: { n: 2 } }),
        memory("mem_c", "word", 1, { space: "agent:a" }),
      );
      expect((await idsFor("word")).sort()).toEqual(["mem_a", "mem_b"]);
      expect(await idsFor("word", { space: "agent:a" })).toEqual(["mem_c"]);
      expect(await idsFor("word", { kinds: ["bug", "doc"] })).toEqual(["mem_b"]);
      expect(await idsFor("word", { tags: ["x", "y"] })).toEqual(["mem_a"]);
      expect(await idsFor("word", { thread: "t1" })).toEqual(["mem_a"]);
      for (const [key, any, ids] of [
        ["n", [1], ["mem_a"]],
        ["n", [1, 2], ["mem_a", "mem_b"]],
        ["n", ["1"], []],
        ["s", ["1"], ["mem_a"]],
        ["b", [true], ["mem_a"]],
        ["b", [1], []],
        ["nil", [null], ["mem_a"]],
        ["absent", [null], []],
        ["__proto__", [1], []],
      ] as const) {
        expect(
          (await idsFor("word", { where: [{ key, any }] })).sort(),
          `${key} in ${JSON.stringify(any)}`,
        ).toEqual(ids);
      }
    });

    test("keeps replaced versions and finds what held at a time", async () => {
      const first = memory("mem_a", "the limit is five", 100);
      await add(first);
      const second = revise(first, draft("the limit is six"), { principal: "tester", now: 200 });
      if (second === null) throw new Error("nothing changed");
      await store.write(WRITER, (tx) => tx.replace(first, second));
      const next = memory("mem_b", "the limit is seven", 300, { supersedes: "mem_a" });
      await store.write(WRITER, async (tx) => {
        await tx.add(next);
        await tx.supersede(second, next);
      });
      const textsAt = async (asOf: number | undefined, now = 1_000) =>
        (await search("limit", { asOf, now })).map((match) => match.memory.text);
      expect(await textsAt(undefined)).toEqual(["the limit is seven"]);
      expect(await textsAt(99)).toEqual([]);
      expect(await textsAt(100)).toEqual(["the limit is five"]);
      expect(await textsAt(199)).toEqual(["the limit is five"]);
      expect(await textsAt(200)).toEqual(["the limit is six"]);
      expect(await textsAt(300)).toEqual(["the limit is seven"]);
      expect(await textsAt(10_000_000)).toEqual(["the limit is seven"]);
      expect(await idsFor("six")).toEqual([]);
      // A clock that was set back hides nothing that was recorded.
      expect(await textsAt(undefined, 50)).toContain("the limit is seven");
    });

    test("a change that is to come leaves the present one in force until then", async () => {
      const first = memory("mem_a", "price ten", 100);
      await add(first);
      const later = revise(first, draft("price twelve", { valid_from: "2030-01-01" }), {
        principal: "tester",
        now: 200,
      });
      if (later === null) throw new Error("nothing changed");
      await store.write(WRITER, (tx) => tx.replace(first, later));
      expect((await search("price")).map((match) => match.memory.text)).toEqual(["price ten"]);
      expect((await search("price", { asOf: Date.UTC(2031, 0) })).map((match) => match.memory.text)).toEqual([
        "price twelve",
      ]);
    });

    test("a version that ends holds no more, and what it said stays for the time it held", async () => {
      const first = memory("mem_a", "the limit is five", 100);
      await add(first);
      const ended = forgotten(first, { principal: "other", now: 200 });
      if (ended === null) throw new Error("it held");
      await store.write(WRITER, (tx) => tx.end(first, ended));
      expect(forgotten(ended, { principal: "other", now: 300 })).toBeNull();
      expect([await idsFor("limit"), await idsFor("limit", { asOf: 200 })]).toEqual([[], []]);
      expect(await idsFor("limit", { asOf: 199 })).toEqual(["mem_a"]);
      expect(await store.read((tx) => tx.findTwin(memory("mem_b", first.text, 300), 300))).toBeUndefined();
      expect((await store.read((tx) => tx.find(["mem_a"]))).get("mem_a")).toMatchObject({
        version: 2,
        endsAt: 200,
        principal: "other",
      });
    });

    test("a purged memory is gone with its history and mentions, and no other one", async () => {
      const entities = [{ name: "Payment", type: "Class" }];
      const first = memory("mem_a", "secret alpha", 100, { entities });
      await add(first, memory("mem_b", "public alpha", 100, { entities }));
      const second = revise(first, draft("secret beta"), { principal: "tester", now: 200 });
      if (second === null) throw new Error("nothing changed");
      await store.write(WRITER, (tx) => tx.replace(first, second));
      expect(await store.write(WRITER, (tx) => tx.purge(["mem_a", "mem_none"]))).toEqual(
        new Map([["mem_a", 2]]),
      );
      expect((await store.read((tx) => tx.find(["mem_a", "mem_b"]))).has("mem_a")).toBe(false);
      expect([await idsFor("secret"), await idsFor("secret", { asOf: 150 })]).toEqual([[], []]);
      expect(await idsFor("alpha payment")).toEqual(["mem_b"]);
      expect(await store.write(WRITER, (tx) => tx.rebuildSearch())).toBe(1);
      await add(memory("mem_a", "secret again", 300));
      expect(await idsFor("secret")).toEqual(["mem_a"]);
    });

    test("the search index is rebuilt from the records with the same order", async () => {
      const first = memory("mem_a", "alpha retryQueue", 100);
      await add(first, memory("mem_b", "beta queue", 100), memory("mem_c", "gamma", 100, { title: "queue" }));
      const second = revise(first, draft("delta queue"), { principal: "tester", now: 200 });
      if (second === null) throw new Error("nothing changed");
      await store.write(WRITER, (tx) => tx.replace(first, second));
      const before = [await idsFor("queue"), await idsFor("alpha", { asOf: 150 }), await idsFor("alpha")];
      expect(before).toEqual([["mem_c", "mem_a", "mem_b"], ["mem_a"], []]);
      expect(await store.write(WRITER, (tx) => tx.rebuildSearch())).toBe(4);
      expect([await idsFor("queue"), await idsFor("alpha", { asOf: 150 }), await idsFor("alpha")]).toEqual(
        before,
      );
    });

    test("entities are one by name and type; an untyped one takes the first type given", async () => {
      await store.write(WRITER, async (tx) => {
        const { added } = await tx.relate({ from: "a", type: "calls", to: "b" }, 1);
        expect(added.map(({ name, type }) => `${name}:${type}`)).toEqual(["a:unknown", "b:unknown"]);
        const typed = await tx.relateEntity({ name: "a", type: "Function" }, 1);
        expect(typed).toEqual({ id: added[0]?.id, status: "updated" });
        expect(
          (await tx.relateEntity({ name: "a", type: "Function", observations: ["slow"] }, 1)).status,
        ).toBe("updated");
        expect(
          (await tx.relateEntity({ name: "a", type: "Function", observations: ["slow"] }, 1)).status,
        ).toBe("unchanged");
        const other = await tx.relateEntity({ name: "a", type: "Class" }, 1);
        expect(other.status).toBe("created");
        await expect(tx.relate({ from: "a", type: "calls", to: "b" }, 1)).rejects.toThrow(/several entities/);
        expect((await tx.relate({ from: other.id, type: "calls", to: "b" }, 1)).status).toBe("created");
        await expect(tx.relate({ from: "ent_0000000000000000", type: "calls", to: "b" }, 1)).rejects.toThrow(
          /no entity/,
        );
        expect(await tx.numbersOf("a")).toHaveLength(2);
      });
    });

    test("relations are one by ends and type, come in order, and the state grows with them", async () => {
      await store.write(WRITER, async (tx) => {
        expect(await tx.graphState()).toEqual({ epoch: 0, last: 0 });
        expect((await tx.relate({ from: "a", type: "calls", to: "b", properties: { n: 1 } }, 1)).status).toBe(
          "created",
        );
        expect((await tx.relate({ from: "a", type: "calls", to: "b" }, 1)).status).toBe("unchanged");
        expect((await tx.relate({ from: "a", type: "calls", to: "b", properties: { n: 2 } }, 1)).status).toBe(
          "updated",
        );
        expect((await tx.relate({ from: "a", type: "tests", to: "b" }, 1)).status).toBe("created");
        expect((await tx.relate({ from: "a", type: "calls", to: "a" }, 1)).status).toBe("created");
        const edges = await tx.edgesAfter(0, 10);
        expect(edges).toHaveLength(3);
        expect(edges.map(({ n }) => n)).toEqual(edges.map(({ n }) => n).sort((x, y) => x - y));
        expect((await tx.graphState()).last).toBe(edges.at(-1)?.n);
        expect(await tx.edgesAfter(edges[1]?.n ?? 0, 10)).toEqual(edges.slice(2));
      });
    });
  });
}
