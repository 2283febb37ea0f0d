import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { idSource } from "../../../../kernel/ids.ts";
import { openMemoryStore } from "../../../../servers/memory/index.ts";
import { memoryStoreConformance } from "./conformance.ts";

const folder = mkdtempSync(join(tmpdir(), "slipway-memory-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const newId = idSource(() => 1);
let files = 0;

memoryStoreConformance("SQLite in memory", () => openMemoryStore(":memory:", () => 1, newId));
memoryStoreConformance("SQLite in a file", () =>
  openMemoryStore(join(folder, `${(files += 1)}.db`), () => 1, newId),
);
