import { z } from "zod";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import type { LostClaim, Orphan } from "../domain/orphan.ts";
import type { OrphanTx } from "./task-store.ts";

const ClaimRow = z.object({ token: z.string(), task_id: z.string(), agent: z.string(), attempt: z.int() });
const OrphanRow = z.object({ agent: z.string(), attempt: z.int(), result: z.string() });
const Result = z.object({ output: z.unknown(), artifacts: z.array(z.string()), at: z.int() });

function toClaim(row: Row): LostClaim {
  const { task_id, ...claim } = parseRow(ClaimRow, row);
  return { ...claim, taskId: task_id };
}

function toOrphan(row: Row): Orphan {
  const { result, ...claim } = parseRow(OrphanRow, row);
  const { output, ...rest } = Result.parse(JSON.parse(result));
  return { ...claim, ...rest, output: output ?? null };
}

/** Claims that were taken from their holders, and what these handed in too late. */
export function orphanTx(sql: Sql): OrphanTx {
  return {
    async noteLostClaim({ token, taskId, agent, attempt }) {
      sql.run(
        "INSERT INTO lost_claim (token, task_id, agent, attempt, result) VALUES (?, ?, ?, ?, NULL)",
        token,
        taskId,
        agent,
        attempt,
      );
    },
    async findLostClaim(token) {
      const row = sql.get("SELECT token, task_id, agent, attempt FROM lost_claim WHERE token = ?", token);
      return row === undefined ? undefined : toClaim(row);
    },
    async keepOrphan(token, result) {
      sql.run("UPDATE lost_claim SET result = ?2 WHERE token = ?1", token, JSON.stringify(result));
    },
    async orphans(taskId, limit) {
      return sql
        .all(
          `SELECT agent, attempt, result FROM lost_claim WHERE task_id = ? AND result IS NOT NULL
           ORDER BY attempt DESC LIMIT ?`,
          taskId,
          limit,
        )
        .map(toOrphan);
    },
  };
}
