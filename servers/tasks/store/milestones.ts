import { z } from "zod";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import { MOST, type Purse } from "../domain/budget.ts";
import { MOST_LEVELS, type Milestone } from "../domain/milestone.ts";
import { TASK_STATUSES } from "../domain/task.ts";
import type { MilestoneTx } from "./task-store.ts";

const Budget = z.object({
  tokens: z.number().optional(),
  usd: z.number().optional(),
  wall_s: z.number().optional(),
  attempts: z.number().optional(),
});
const MilestoneRow = z.object({
  name: z.string(),
  parent: z.string().nullable(),
  due: z.int().nullable(),
  priority: z.int().nullable(),
  budget: z.string().nullable(),
  goal: z.string().nullable(),
  metric: z.string().nullable(),
  target: z.number().nullable(),
  current: z.number().nullable(),
  created_at: z.int(),
  updated_at: z.int(),
});
const SpentRow = z.object({ tokens: z.number(), usd: z.number(), wall_s: z.number(), attempts: z.number() });
const HeldRow = SpentRow.omit({ attempts: true });
const CountRow = z.object({ milestone: z.string(), status: z.enum(TASK_STATUSES), count: z.int() });

function toMilestone(row: Row): Milestone {
  const { budget, metric, target, current, created_at, updated_at, ...rest } = parseRow(MilestoneRow, row);
  return {
    ...rest,
    budget: budget === null ? {} : Budget.parse(JSON.parse(budget)),
    target: metric === null ? null : { metric, value: target ?? 0, current },
    createdAt: created_at,
    updatedAt: updated_at,
  };
}

const MOST_BOOKED = [MOST.tokens, MOST.usd, MOST.wall_s] as const;

/** A milestone and all below it. */
const DOWN = `WITH RECURSIVE down (name) AS (
  SELECT ?1 UNION SELECT milestone.name FROM down JOIN milestone ON milestone.parent = down.name)`;

/** Milestones, and the ledger of what their tasks spent. */
export function milestoneTx(sql: Sql): MilestoneTx {
  const purseOf = ({ name, budget }: Milestone): Purse => ({
    milestone: name,
    budget,
    spent: parseRow(
      SpentRow,
      sql.get(
        `${DOWN} SELECT min(total(tokens), ?2) AS tokens, min(total(usd), ?3) AS usd, min(total(wall_s), ?4) AS wall_s,
           total(attempts) AS attempts
         FROM ledger WHERE milestone IN (SELECT name FROM down)`,
        name,
        ...MOST_BOOKED,
      ) ?? {},
    ),
    held: parseRow(
      HeldRow,
      sql.get(
        `${DOWN} SELECT min(total(json_extract(body, '$.claim.grant.tokens')), ?2) AS tokens,
           min(total(json_extract(body, '$.claim.grant.usd')), ?3) AS usd,
           min(total(json_extract(body, '$.claim.grant.wall_s')), ?4) AS wall_s
         FROM task INDEXED BY task_milestone WHERE milestone IN (SELECT name FROM down) AND status = 'running'`,
        name,
        ...MOST_BOOKED,
      ) ?? {},
    ),
  });
  return {
    async findMilestone(name) {
      const row = sql.get("SELECT * FROM milestone WHERE name = ?", name);
      return row === undefined ? undefined : toMilestone(row);
    },
    async saveMilestone(milestone) {
      const { target, budget } = milestone;
      sql.run(
        `INSERT INTO milestone (name, parent, due, priority, budget, goal, metric, target, current, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET parent = excluded.parent, due = excluded.due, priority = excluded.priority,
           budget = excluded.budget, goal = excluded.goal, metric = excluded.metric, target = excluded.target,
           current = excluded.current, updated_at = excluded.updated_at`,
        milestone.name,
        milestone.parent,
        milestone.due,
        milestone.priority,
        Object.keys(budget).length === 0 ? null : JSON.stringify(budget),
        milestone.goal,
        target?.metric ?? null,
        target?.value ?? null,
        target?.current ?? null,
        milestone.createdAt,
        milestone.updatedAt,
      );
    },
    async milestones() {
      return sql.all("SELECT * FROM milestone ORDER BY name").map(toMilestone);
    },
    async milestoneCounts() {
      return sql
        .all(
          `SELECT milestone, status, count(*) AS count FROM task INDEXED BY task_milestone
           WHERE milestone IS NOT NULL GROUP BY milestone, status`,
        )
        .map((row) => parseRow(CountRow, row));
    },
    async purses(milestone) {
      return sql
        .all(
          `WITH RECURSIVE up (name, level) AS (
             SELECT ?1, 0 UNION ALL
             SELECT milestone.parent, level + 1 FROM up JOIN milestone ON milestone.name = up.name
             WHERE milestone.parent IS NOT NULL AND level < ?2)
           SELECT milestone.* FROM up JOIN milestone ON milestone.name = up.name WHERE budget IS NOT NULL`,
          milestone,
          MOST_LEVELS,
        )
        .map(toMilestone)
        .map(purseOf);
    },
    async pursesOf(milestones) {
      return milestones.filter(({ budget }) => Object.keys(budget).length > 0).map(purseOf);
    },
    async milestonesBelow(name) {
      return sql.all(`${DOWN} SELECT name FROM down`, name).map((row) => String(row["name"]));
    },
    async levelsBelow(name) {
      const row = sql.get(
        `WITH RECURSIVE down (name, level) AS (
           SELECT ?1, 0 UNION ALL
           SELECT milestone.name, level + 1 FROM down JOIN milestone ON milestone.parent = down.name WHERE level < ?2)
         SELECT max(level) AS levels FROM down`,
        name,
        MOST_LEVELS,
      );
      return Number(row?.["levels"]);
    },
    async charge(milestone, { tokens, usd, wall_s, attempts }) {
      sql.run(
        `INSERT INTO ledger (milestone, tokens, usd, wall_s, attempts) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (milestone) DO UPDATE SET tokens = min(tokens + ?2, ?6), usd = min(usd + ?3, ?7), wall_s = min(wall_s + ?4, ?8),
           attempts = attempts + ?5`,
        milestone,
        tokens,
        usd,
        wall_s,
        attempts,
        ...MOST_BOOKED,
      );
    },
  };
}
