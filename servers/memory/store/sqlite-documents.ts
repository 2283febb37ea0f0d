import { z } from "zod";
import { parseRow, type Sql } from "../../../kernel/sqlite/database.ts";
import type { MemoryDocuments } from "./port.ts";
import { toMemory } from "./rows.ts";

const DocumentRow = z.object({
  key: z.string(),
  memory_id: z.string(),
  digest: z.string(),
  etag: z.string().nullable(),
  chunks: z.int(),
  links: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.array(z.string())),
});

/** Which documents were read, and what they looked like then. */
export function sqliteDocuments(sql: Sql): MemoryDocuments {
  return {
    async findDocument(key) {
      const row = sql.get(
        "SELECT key, memory_id, digest, etag, chunks, links FROM document WHERE key = ?",
        key,
      );
      if (row === undefined) return undefined;
      const { memory_id: memoryId, etag, ...found } = parseRow(DocumentRow, row);
      return { ...found, memoryId, etag: etag ?? undefined };
    },
    async keepDocument({ key, memoryId, digest, etag, chunks, links }) {
      sql.run(
        "INSERT OR REPLACE INTO document (key, memory_id, digest, etag, chunks, links) VALUES (?, ?, ?, ?, ?, ?)",
        key,
        memoryId,
        digest,
        etag ?? null,
        chunks,
        JSON.stringify(links),
      );
    },
    async inThread(id) {
      return sql.all("SELECT * FROM memory WHERE thread_id = ? ORDER BY n", id).map(toMemory);
    },
  };
}
