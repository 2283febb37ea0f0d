import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { checkFile } from "../../../../kernel/sqlite/check.ts";
import { openForTest } from "../open-memory.ts";

const Report = z.object({ acknowledged: z.array(z.object({ id: z.string(), status: z.string() })), failed: z.array(z.unknown()) });

/** 200 in the soak; fewer here. */
const EACH = Number(process.env["SLIPWAY_SOAK_WRITES"] ?? 25);

test(`4 processes x ${EACH} writes on one new store: every acknowledged one is there and can be found`, { timeout: 120_000 }, async () => {
  const home = mkdtempSync(join(tmpdir(), "slipway-memory-"));
  try {
    const writers = ["ash", "birch", "cedar", "elm"].map(async (name) => {
      const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, "writer.ts"), home, name, String(EACH)]);
      return Report.parse(JSON.parse(stdout));
    });
    const reports = await Promise.all(writers);
    expect(reports.flatMap((report) => report.failed)).toEqual([]);
    const ids = reports.flatMap((report) => report.acknowledged.map(({ id }) => id));
    expect(new Set(ids).size).toBe(4 * EACH);

    const { store } = openForTest(join(home, "memory.db"));
    const found = await store.read((tx) => tx.find(ids));
    const hits = await store.read((tx) => tx.search({ terms: ["writer"], space: "shared", asOf: undefined, now: Date.now() + 1_000, limit: 10_000 }));
    const events = await store.events({ after: 0, limit: 10_000, types: ["memory.remembered"] });
    store.close();
    expect(found.size).toBe(4 * EACH);
    expect(new Set(hits.map(({ memory }) => memory.id))).toEqual(new Set(ids));
    expect(new Set(events.map(({ subject }) => subject))).toEqual(new Set(ids));
    expect(checkFile(join(home, "memory.db"))).toEqual([]);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
