import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { toIso } from "../../../../kernel/clock.ts";
import { connect, mustCall } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

type Step = { readonly do: "remember" } | { readonly do: "update" | "supersede"; readonly which: number };

const START = Date.UTC(2026, 0, 1);
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("remember" as const) }),
    fc.record({ do: fc.constantFrom("update" as const, "supersede" as const), which: fc.nat(5) }),
  ),
  { minLength: 1, maxLength: 12 },
);

const Items = z.array(z.object({ id: z.string() })).length(1);
const Hits = z.array(z.object({ id: z.string(), snippet: z.string() }));

/** What was said, of which memory, and during which steps it held. */
interface Said {
  id: string;
  text: string;
  from: number;
  to: number;
}

test("at every moment as_of gives exactly what held then, through any updates and supersedings", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (history: readonly Step[]) => {
      let now = START;
      const { server } = openForTest(":memory:", () => now);
      const { client, close } = await connect(server);
      const said: Said[] = [];
      for (const [at, step] of history.entries()) {
        now = START + at * 1_000;
        const text = `word number${at}`;
        const current = said.filter(({ to }) => to === Infinity);
        const target = step.do === "remember" ? undefined : current[step.which % Math.max(1, current.length)];
        if (target !== undefined) target.to = at;
        const change =
          target === undefined ? {} : step.do === "update" ? { id: target.id } : { supersedes: target.id };
        const answer = await mustCall(client, "remember", { items: [{ text, kind: "fact", ...change }] });
        const id = Items.parse(answer["items"])[0]?.id ?? "";
        if (step.do === "update" && target !== undefined) expect(id).toBe(target.id);
        said.push({ id, text, from: at, to: Infinity });
      }
      for (let at = -1; at <= history.length; at += 1) {
        const held = said.filter(({ from, to }) => from <= at && at < to);
        for (const moment of [at * 1_000, at * 1_000 + 999]) {
          const answer = await mustCall(client, "recall", {
            query: "word",
            k: 100,
            as_of: toIso(START + moment),
            max_tokens: 20_000,
          });
          const found = Hits.parse(answer["hits"]).map(({ id, snippet }) => `${id} ${snippet}`);
          expect(found.sort()).toEqual(held.map(({ id, text }) => `${id} ${text}`).sort());
        }
      }
      await close();
      await server.close();
    }),
    { numRuns: 30 },
  );
});
