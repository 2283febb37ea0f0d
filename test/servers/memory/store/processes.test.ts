import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { checkFile } from "../../../../kernel/sqlite/check.ts";
import { openForTest } from "../open-memory.ts";

const Acknowledged = z.object({
  ok: z.literal(true),
  value: z.object({ items: z.tuple([z.object({ id: z.string(), status: z.literal("created") })]) }),
});

/** Soaks write 200 a process and kill 100 times. */
const WRITES = Number(process.env["SLIPWAY_SOAK_WRITES"] ?? 25);
const KILLS = Number(process.env["SLIPWAY_SOAK_KILLS"] ?? 3);

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "slipway-memory-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Runs a writing process to its end, or kills it after so many acknowledged writes. Returns the acknowledged ids. */
async function write(name: string, count: number, killAfter = Infinity): Promise<readonly string[]> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("./writer.ts", import.meta.url)), home, name, String(count)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ids: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    ids.push(Acknowledged.parse(JSON.parse(line)).value.items[0].id);
    if (ids.length === killAfter) child.kill("SIGKILL");
  }
  return ids;
}

/** What a fresh server finds of the acknowledged writes: by id, by search and in the events. */
async function survivors(ids: readonly string[]) {
  const { store, server } = openForTest(join(home, "memory.db"));
  const known = await store.read((tx) => tx.find(ids));
  const found = await store.read((tx) =>
    tx.search({ terms: ["writer"], space: "shared", asOf: undefined, now: Date.now(), limit: 100_000 }),
  );
  const events = await store.events({ after: 0, limit: 100_000, types: ["memory.remembered"] });
  await server.close();
  return {
    records: ids.filter((id) => known.has(id)).length,
    searchable: ids.filter((id) => found.some(({ memory }) => memory.id === id)).length,
    recorded: ids.filter((id) => events.some(({ subject }) => subject === id)).length,
    all: found.length,
  };
}

test(
  `4 processes x ${WRITES} writes on one new store: every acknowledged one is there`,
  { timeout: 120_000 },
  async () => {
    const ids = (
      await Promise.all(["ash", "birch", "cedar", "elm"].map((name) => write(name, WRITES)))
    ).flat();
    const total = 4 * WRITES;
    expect(new Set(ids).size).toBe(total);
    expect(await survivors(ids)).toEqual({ records: total, searchable: total, recorded: total, all: total });
    expect(checkFile(join(home, "memory.db"))).toEqual([]);
  },
);

test(
  `${KILLS} writers killed in the middle: the store opens and every acknowledged write is there`,
  { timeout: 600_000 },
  async () => {
    const ids: string[] = [];
    for (let round = 0; round < KILLS; round += 1) {
      ids.push(...(await write(`round ${round}`, 100_000, 3 + ((round * 7) % 20))));
      const { all, ...kept } = await survivors(ids);
      expect(kept).toEqual({ records: ids.length, searchable: ids.length, recorded: ids.length });
      expect(all).toBeGreaterThanOrEqual(ids.length);
      expect(checkFile(join(home, "memory.db"))).toEqual([]);
    }
  },
);
