import { DatabaseSync } from "node:sqlite";
import { verifyEvents } from "../events.ts";

/** Reads a store without changing it and lists what is wrong; an empty list means sound. */
export function checkFile(path: string): readonly string[] {
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    const problems = connection
      .prepare("PRAGMA integrity_check(20)")
      .all()
      .map((row) => String(row["integrity_check"]))
      .filter((line) => line !== "ok");
    if (problems.length > 0) return problems;
    const broken = verifyEvents(connection);
    return broken === null ? [] : [`event ${broken.seq}: ${broken.reason}`];
  } catch (error) {
    return [error instanceof Error ? `cannot be read: ${error.message}` : "cannot be read"];
  } finally {
    if (connection?.isOpen === true) connection.close();
  }
}
