import { join } from "node:path";
import { z } from "zod";
import { checkFile } from "../../kernel/sqlite/check.ts";
import { openTaskStore } from "../../servers/tasks/index.ts";
import { callTool } from "../../test/support/connect.ts";
import { seededRandom } from "../statistics.ts";
import { startStdioServer, type StdioServer } from "../stdio-server.ts";
import { auditRecord } from "./audit.ts";
import { counterProblems } from "./counters.ts";
import type { Acknowledged } from "./drive.ts";

export interface KillLoad {
  readonly home: string;
  readonly rounds: number;
  readonly seed: number;
  /** A server is killed at a random point after at most so many acknowledged calls. */
  readonly withinCalls: number;
}

export interface KillFigures {
  /** What went wrong, one line each. */
  readonly problems: readonly string[];
  readonly acknowledged: number;
  readonly claims: number;
}

const Added = z.object({ tasks: z.array(z.object({ id: z.string() })) });
const Claimed = z.object({
  task: z.object({ id: z.string() }).nullable(),
  claim: z.object({ token: z.string(), attempt: z.int() }).optional(),
});

/** About as long as one call takes. */
const LONGEST_CALL_MS = 10;

/** What the agents of all rounds were told. */
interface Told {
  readonly dependencies: Map<string, readonly string[]>;
  readonly claims: Acknowledged[];
  readonly completions: Acknowledged[];
  /** Type, task and, where the event says it, attempt of whatever else was acknowledged. */
  readonly others: string[];
}

/** Starts a server on one state folder again and again, lets two agents work, and kills it -9 in the midst of it. */
export async function driveKills({ home, rounds, seed, withinCalls }: KillLoad): Promise<KillFigures> {
  const random = seededRandom(seed);
  const path = join(home, "tasks.db");
  const told: Told = { dependencies: new Map(), claims: [], completions: [], others: [] };
  const problems: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const server = await startStdioServer("tasks", home);
    let left = Math.floor(random() * withinCalls);
    const pauseMs = random() * LONGEST_CALL_MS;
    const answered = (): void => {
      // In the midst of a call, not between two: the agents go on meanwhile.
      if (left === 0) setTimeout(() => process.kill(server.pid, "SIGKILL"), pauseMs);
      left -= 1;
    };
    answered();
    await Promise.all(
      ["ann", "bob"].map((agent) => workUntilKilled(server, `${agent}-${round}`, told, answered)),
    );
    await server.close().catch(() => undefined);
    const damage = [...checkFile(path), ...counterProblems(path)];
    problems.push(...damage.map((line) => `round ${round + 1}: ${line}`));
  }
  // Opening is part of the promise: whatever state a kill left, the next start takes it.
  const store = openTaskStore(path, Date.now);
  const events = await store.events({ after: 0, limit: Number.MAX_SAFE_INTEGER });
  store.close();
  const recorded = new Set(
    events.map(
      ({ type, subject, data }) =>
        `${type} ${subject}${"attempt" in data ? ` ${JSON.stringify(data["attempt"])}` : ""}`,
    ),
  );
  for (const each of told.others) if (!recorded.has(each)) problems.push(`acknowledged and lost: ${each}`);
  problems.push(...auditRecord({ ...told, events }).problems);
  const acknowledged = told.claims.length + told.completions.length + told.others.length;
  return { problems, acknowledged, claims: told.claims.length };
}

/** Adds, claims, reports, and ends tasks in every way, until the server is gone. */
async function workUntilKilled(
  server: StdioServer,
  agent: string,
  told: Told,
  answered: () => void,
): Promise<void> {
  const call = async (tool: string, args: Record<string, unknown>): Promise<Record<string, unknown>> => {
    const answer = await callTool(server.client, tool, args);
    if (!answer.ok) throw new Refused(`${tool}: ${JSON.stringify(answer.error)}`);
    answered();
    return answer.value;
  };
  try {
    for (let turn = 0; ; turn += 1) {
      const chain = [
        { ref: "a", title: "first" },
        { ref: "b", title: "second", depends_on: ["a"] },
        { ref: "c", title: "third", depends_on: ["a", "b"] },
      ];
      const [a, b, c] = Added.parse(await call("add_tasks", { tasks: chain })).tasks.map(({ id }) => id);
      if (a === undefined || b === undefined || c === undefined) throw new Refused("add_tasks told no ids");
      told.dependencies.set(b, [a]).set(c, [a, b]);
      told.others.push(...[a, b, c].map((id) => `task.added ${id}`));
      for (let step = 0; step < 3; step += 1) {
        const { task, claim } = Claimed.parse(await call("claim_task", { agent, lease_s: 10 }));
        if (task === null || claim === undefined) break;
        const mine = { task: task.id, agent, attempt: claim.attempt };
        told.claims.push(mine);
        const { token } = claim;
        if ((turn + step) % 5 === 1) {
          await call("release_task", { token, checkpoint: { turn } });
          told.others.push(`task.released ${task.id} ${claim.attempt}`);
        } else if ((turn + step) % 5 === 3) {
          await call("fail_task", { token, error: { message: "no" } });
          told.others.push(`task.failed ${task.id} ${claim.attempt}`);
        } else {
          await call("report_progress", { token, progress: 0.5, note: `turn ${turn}` });
          told.others.push(`task.progress ${task.id}`);
          await call("complete_task", { token, output: { turn } });
          told.completions.push(mine);
        }
      }
    }
  } catch (error) {
    // The connection ends with the server; a refusal is none of that.
    if (error instanceof Refused) throw error;
  }
}

class Refused extends Error {}
