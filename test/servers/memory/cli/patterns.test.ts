import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { memoryPatternsCommand } from "../../../../servers/memory/cli/patterns.ts";
import { connect, mustCall } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

const folder = mkdtempSync(join(tmpdir(), "slipway-patterns-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function patterns(...argv: readonly string[]): Promise<{ out: string[]; err: string[] }> {
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    env: {},
    cwd: folder,
    terminal: undefined,
    signal: new AbortController().signal,
  };
  await memoryPatternsCommand([...argv, "--home", folder], io);
  return { out, err };
}

test("nearly equal patterns are proposed, merged with what they earned, and separated again", async () => {
  const { server, store } = openForTest(join(folder, "memory.db"));
  const { client, close } = await connect(server);
  const items = [
    { text: "Flaky login test: wait for the cookie before the assertion.", kind: "pattern" },
    { text: "Flaky login test: wait for the session cookie before the assertion.", kind: "pattern" },
    { text: "Squash before landing.", kind: "pattern" },
    { text: "Squash before landing.", kind: "fact" },
    {
      text: "Flaky login test: wait for the cookie before the assertion!",
      kind: "pattern",
      space: "agent:a",
    },
  ];
  const ids = z
    .object({ id: z.string() })
    .array()
    .parse((await mustCall(client, "remember", { items }))["items"])
    .map(({ id }) => id);
  const [kept = "", other = "", third = "", fact = "", elsewhere = ""] = ids;
  for (const [id, outcome] of [
    [kept, "success"],
    [other, "success"],
    [other, "failure"],
  ])
    await mustCall(client, "rate_memory", { id, outcome });
  const ratings = (id: string) => store.read((tx) => tx.ratingsOf(id));
  const held = async () => (await store.read((tx) => tx.find([other]))).get(other);

  const proposed = await patterns();
  expect(proposed.out).toHaveLength(1);
  expect(proposed.out[0]).toContain(`${kept} "Flaky login test`);
  expect(proposed.err).toEqual(["4 patterns, 1 pairs nearly the same"]);

  await patterns("merge", kept, other);
  expect(await held()).toMatchObject({ supersededBy: kept });
  expect(await ratings(kept)).toEqual({ success: 2, failure: 1, count: 3 });
  expect((await patterns()).out).toEqual([]);
  for (const [a, b] of [
    [kept, other],
    [kept, kept],
    [kept, elsewhere],
    [third, fact],
    [kept, "mem_none"],
  ] as const)
    await expect(patterns("merge", a, b)).rejects.toThrow(/superseded|of its own space|no pattern/);

  await patterns("separate", other);
  expect(await held()).toMatchObject({ supersededBy: undefined, endsAt: undefined, text: items[1]?.text });
  expect(await ratings(kept)).toEqual({ success: 1, failure: 0, count: 1 });
  expect(await ratings(other)).toEqual({ success: 1, failure: 1, count: 2 });
  expect((await patterns()).out).toHaveLength(1);
  await expect(patterns("separate", other)).rejects.toMatchObject({ code: "invalid_state" });
  await expect(patterns("merge", kept)).rejects.toMatchObject({ code: "invalid" });
  await close();
  await server.close();
});
