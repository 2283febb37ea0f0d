import { z } from "zod";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import type { Agent } from "../domain/agent.ts";
import type { AgentTx } from "./task-store.ts";

const AgentRow = z.object({
  name: z.string(),
  role: z.string().nullable(),
  capabilities: z.string(),
  max_concurrent: z.int().nullable(),
  is_retired: z.int(),
  registered_at: z.int(),
  last_call_at: z.int(),
  lost_at: z.int().nullable(),
});
const Capabilities = z.array(z.string());

function toAgent(row: Row): Agent {
  const agent = parseRow(AgentRow, row);
  return {
    name: agent.name,
    role: agent.role,
    capabilities: Capabilities.parse(JSON.parse(agent.capabilities)),
    maxConcurrent: agent.max_concurrent,
    isRetired: agent.is_retired !== 0,
    registeredAt: agent.registered_at,
    lastCallAt: agent.last_call_at,
    lostAt: agent.lost_at,
  };
}

/** Part of a claim: reads as many index entries as the agent holds tasks. */
export const LOAD_QUERY =
  "SELECT count(*) AS load FROM task INDEXED BY task_worker WHERE status = 'running' AND worker = ?1";

/** Asked before every read: touches nobody who is there. */
export const SILENT_QUERY = `SELECT * FROM agent INDEXED BY agent_silent
  WHERE lost_at IS NULL AND is_retired = 0 AND last_call_at <= ?1
    AND NOT EXISTS (SELECT 1 FROM task INDEXED BY task_worker WHERE status = 'running' AND worker = agent.name)
  ORDER BY last_call_at LIMIT ?2`;

/** The agents that registered. */
export function agentTx(sql: Sql): AgentTx {
  const loadOf = (name: string): number => Number(sql.get(LOAD_QUERY, name)?.["load"]);
  return {
    async findAgent(name) {
      const row = sql.get("SELECT * FROM agent WHERE name = ?", name);
      return row === undefined ? undefined : toAgent(row);
    },
    async saveAgent(agent) {
      sql.run(
        `INSERT OR REPLACE INTO agent (name, role, capabilities, max_concurrent, is_retired, registered_at, last_call_at, lost_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        agent.name,
        agent.role,
        JSON.stringify(agent.capabilities),
        agent.maxConcurrent,
        agent.isRetired ? 1 : 0,
        agent.registeredAt,
        agent.lastCallAt,
        agent.lostAt,
      );
    },
    async noteCall(name, now) {
      sql.run("UPDATE agent SET last_call_at = ?2, lost_at = NULL WHERE name = ?1", name, now);
    },
    async silentAgents(since, limit) {
      return sql.all(SILENT_QUERY, since, limit).map(toAgent);
    },
    async hasOthers(name, since) {
      const row = sql.get(
        `SELECT EXISTS (SELECT 1 FROM agent WHERE name <> ?1 AND is_retired = 0 AND lost_at IS NULL AND last_call_at > ?2)
           OR EXISTS (SELECT 1 FROM task INDEXED BY task_worker WHERE status = 'running' AND worker <> ?1) AS others`,
        name,
        since,
      );
      return row?.["others"] === 1;
    },
    loadOf: async (name) => loadOf(name),
    async agents(after, limit) {
      return sql
        .all("SELECT * FROM agent WHERE name > ? ORDER BY name LIMIT ?", after, limit)
        .map(toAgent)
        .map((agent) => ({ agent, load: loadOf(agent.name) }));
    },
  };
}
