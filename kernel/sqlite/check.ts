import { DatabaseSync } from "node:sqlite";
import { verifyEvents } from "../events.ts";
import { isCutShort } from "./database.ts";

/** Reads a store without changing it and lists what is wrong; an empty list means sound. */
export function checkFile(path: string): readonly string[] {
  if (isCutShort(path)) return ["cannot be read: the file is cut short"];
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    const problems = connection
      .prepare("PRAGMA integrity_check(20)")
      .all()
      .map((row) => String(row["integrity_check"]))
      .filter((line) => line !== "ok");
    if (problems.length > 0) return problems;
    const dangling = connection
      .prepare('SELECT "table", count(*) AS n FROM pragma_foreign_key_check GROUP BY 1')
      .all()
      .map(
        (row) => `table ${String(row["table"])}: ${Number(row["n"])} rows refer to rows that are not there`,
      );
    const broken = verifyEvents(connection);
    return [...dangling, ...(broken === null ? [] : [`event ${broken.seq}: ${broken.reason}`])];
  } catch (error) {
    return [error instanceof Error ? `cannot be read: ${error.message}` : "cannot be read"];
  } finally {
    if (connection?.isOpen === true) connection.close();
  }
}
