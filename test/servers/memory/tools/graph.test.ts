import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { callTool, connect, mustCall } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

const Impact = z.object({
  affected: z.array(
    z.object({ node: z.string(), kind: z.string(), distance: z.int(), path: z.array(z.string()) }),
  ),
  truncated: z.boolean(),
  unknown: z.array(z.string()).optional(),
});

async function withMemory(
  work: (tools: {
    relate(args: object): Promise<Record<string, unknown>>;
    impact(args: object): Promise<z.output<typeof Impact>>;
    refusal(tool: string, args: Record<string, unknown>): Promise<unknown>;
  }) => Promise<void>,
  path = ":memory:",
): Promise<void> {
  const { server } = openForTest(path);
  const { client, close } = await connect(server);
  try {
    await work({
      relate: (args) => mustCall(client, "relate_entities", { ...args }),
      impact: async (args) => Impact.parse(await mustCall(client, "find_impact", { ...args })),
      refusal: async (tool, args) => {
        const answer = await callTool(client, tool, args);
        return answer.ok ? undefined : answer.error;
      },
    });
  } finally {
    await close();
    await server.close();
  }
}

test("impact is what depends on the change, not what the change depends on", () =>
  withMemory(async ({ relate, impact }) => {
    const made = await relate({
      entities: [
        { name: "src/db.ts", type: "File", observations: ["opens the pool"] },
        { name: "./src/api.ts", type: "File" },
      ],
      relations: [
        { from: "src/api.ts", type: "imports", to: "src/db.ts" },
        { from: "test/api.test.ts", type: "tests", to: "src/api.ts" },
        { from: "src/db.ts", type: "imports", to: "src/config.ts", properties: { line: 3 } },
        { from: "src/db.ts", type: "imports", to: "src/api.ts" },
      ],
    });
    expect(made).toMatchObject({
      entities: { created: 2, updated: 0 },
      relations: { created: 4, updated: 0 },
    });
    expect(made["added"]).toHaveLength(2);
    expect(await impact({ changed: [".\\src\\db.ts", "nowhere.ts"] })).toEqual({
      affected: [
        { node: "src/api.ts", kind: "File", distance: 1, path: ["src/db.ts", "src/api.ts"] },
        {
          node: "test/api.test.ts",
          kind: "unknown",
          distance: 2,
          path: ["src/db.ts", "src/api.ts", "test/api.test.ts"],
        },
      ],
      truncated: false,
      unknown: ["nowhere.ts"],
    });
    expect((await impact({ changed: ["src/db.ts"], depth: 1 })).affected).toHaveLength(1);
    expect((await impact({ changed: ["test/api.test.ts"] })).affected).toEqual([]);
    expect(
      await relate({ relations: [{ from: "src/api.ts", type: "imports", to: "src/db.ts" }] }),
    ).toMatchObject({ relations: { created: 0, updated: 0 }, added: [] });
  }));

test("equals an independent oracle on random graphs that grow between calls", async () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e", "__proto__", "constructor", "toString", "12", "7");
  const edges = fc.uniqueArray(fc.record({ from: name, to: name }), {
    minLength: 1,
    maxLength: 14,
    selector: ({ from, to }) => `${from}>${to}`,
  });
  await fc.assert(
    fc.asyncProperty(edges, edges, name, fc.integer({ min: 1, max: 5 }), (first, second, changed, depth) =>
      withMemory(async ({ relate, impact }) => {
        const all: { from: string; to: string }[] = [];
        for (const batch of [first, second]) {
          await relate({ relations: batch.map((edge) => ({ ...edge, type: "uses" })) });
          all.push(...batch);
          const { affected } = await impact({ changed: [changed], depth, limit: 500 });
          const expected = new Map<string, number>([[changed, 0]]);
          for (let round = 1; round <= depth; round += 1) {
            const known = new Set(
              [...expected].filter(([, distance]) => distance === round - 1).map(([node]) => node),
            );
            for (const { from, to } of all)
              if (known.has(to) && !expected.has(from)) expected.set(from, round);
          }
          expected.delete(changed);
          expect(new Map(affected.map(({ node, distance }) => [node, distance]))).toEqual(expected);
        }
      }),
    ),
    { numRuns: 25 },
  );
});

test("a hub is capped, nearest kept, and says so; budget and depth hold", () =>
  withMemory(async ({ relate, impact, refusal }) => {
    for (let start = 0; start < 1_500; start += 500) {
      await relate({
        relations: Array.from({ length: 500 }, (_, i) => ({
          from: `user-${start + i}`,
          type: "uses",
          to: "hub",
        })),
      });
    }
    const capped = await impact({ changed: ["hub"], limit: 500, max_tokens: 20_000 });
    expect(capped.truncated).toBe(true);
    expect(capped.affected).toHaveLength(500);
    const small = await impact({ changed: ["hub"], limit: 500, max_tokens: 200 });
    expect(small.truncated).toBe(true);
    expect(JSON.stringify(small).length / 3).toBeLessThanOrEqual(200);
    expect(await refusal("find_impact", { changed: ["hub"], depth: 6 })).toBeDefined();
  }));

test("relations written by another process are seen, self-loops and two-cycles end", async () => {
  const home = mkdtempSync(join(tmpdir(), "slipway-memory-"));
  const path = join(home, "memory.db");
  try {
    await withMemory(async (one) => {
      await one.relate({
        relations: [
          { from: "b", type: "uses", to: "a" },
          { from: "a", type: "uses", to: "a" },
          { from: "a", type: "uses", to: "b" },
        ],
      });
      expect((await one.impact({ changed: ["a"] })).affected.map(({ node }) => node)).toEqual(["b"]);
      await withMemory(
        async (two) => void (await two.relate({ relations: [{ from: "c", type: "tests", to: "b" }] })),
        path,
      );
      expect((await one.impact({ changed: ["a"] })).affected.map(({ node }) => node)).toEqual(["b", "c"]);
    }, path);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test("what cannot be related is refused, and nothing of it is kept", () =>
  withMemory(async ({ relate, impact, refusal }) => {
    await relate({
      entities: [
        { name: "Task", type: "Class" },
        { name: "Task", type: "Table" },
      ],
    });
    const good = { from: "x", type: "uses", to: "y" };
    for (const [args, code] of [
      [{}, "invalid"],
      [{ relations: [good, { from: "x", type: "uses", to: "Task" }] }, "invalid"],
      [{ relations: [good, { from: "", type: "uses", to: "y" }] }, "invalid"],
      [{ relations: [good, { from: "x", type: "u\ud800", to: "y" }] }, "invalid"],
      [{ relations: [good, { from: "ent_0000000000000000", type: "uses", to: "y" }] }, "not_found"],
      [{ relations: Array.from({ length: 501 }, () => good) }, "limit"],
      [{ entities: [{ name: "e", type: "t", observations: ["x".repeat(5_000)] }] }, "limit"],
    ] as const) {
      expect(await refusal("relate_entities", args), JSON.stringify(args).slice(0, 80)).toMatchObject({
        code,
      });
    }
    expect((await impact({ changed: ["y"] })).unknown).toEqual(["y"]);
  }));
