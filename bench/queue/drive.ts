import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { checkFile } from "../../kernel/sqlite/check.ts";
import type { EventRecord } from "../../kernel/events.ts";
import { openTaskStore } from "../../servers/tasks/index.ts";
import { callTool, mustCall } from "../../test/support/connect.ts";
import { startStdioServer, type StdioServer } from "../stdio-server.ts";
import { counterProblems } from "./counters.ts";
import { taskDag, type DagTask } from "./dag.ts";

export interface QueueLoad {
  readonly home: string;
  /** Server processes, each with one agent at work. */
  readonly processes: number;
  readonly tasks: number;
  readonly seed: number;
  /** The first server is killed, holding a claim, once so many completions are acknowledged, at least one of each agent. */
  readonly killAfter: number;
  readonly deadlineMs: number;
}

/** What a server has told an agent about one task. */
export interface Acknowledged {
  readonly task: string;
  readonly agent: string;
  readonly attempt: number;
}

export interface QueueRun {
  readonly dag: readonly DagTask[];
  readonly idOfRef: ReadonlyMap<string, string>;
  readonly claims: readonly Acknowledged[];
  readonly completions: readonly Acknowledged[];
  /** The claim that the killed server had given out. */
  readonly abandoned: Acknowledged | undefined;
  readonly events: readonly EventRecord[];
  /** Of the file after everything: empty where it is sound, its chain of events unbroken and its counters right. */
  readonly damage: readonly string[];
  readonly busyRefusals: number;
  readonly claimMs: readonly number[];
  readonly completeMs: readonly number[];
  readonly wallMs: number;
}

const Added = z.object({ tasks: z.array(z.object({ ref: z.string(), id: z.string() })) });
const Claim = z.object({
  task: z.object({ id: z.string() }).nullable(),
  claim: z.object({ token: z.string(), attempt: z.int() }).optional(),
});

/** The shortest lease there is, so that what a killed agent held comes back soon. */
const LEASE_S = 10;

/** Works a made-up plan off with several server processes on one state folder, and reads what they left behind. */
export async function driveQueue(load: QueueLoad): Promise<QueueRun> {
  const dag = taskDag(load.tasks, load.seed);
  const servers = await Promise.all(
    Array.from({ length: load.processes }, () => startStdioServer("tasks", load.home)),
  );
  const [first] = servers;
  if (first === undefined) throw new Error("a queue needs a server");
  const idOfRef = await addAll(first, dag);

  const claims: Acknowledged[] = [];
  const completions: Acknowledged[] = [];
  const claimMs: number[] = [];
  const completeMs: number[] = [];
  const begun = new Set<string>();
  let abandoned: Acknowledged | undefined;
  let busyRefusals = 0;
  const started = performance.now();
  const until = started + load.deadlineMs;

  /** Calls until the store is free; a refusal because of that says that nothing was changed. */
  const call = async (
    server: StdioServer,
    tool: string,
    args: Record<string, unknown>,
    times: number[],
  ): Promise<Record<string, unknown>> => {
    for (;;) {
      const began = performance.now();
      const answer = await callTool(server.client, tool, args);
      if (answer.ok) {
        times.push(performance.now() - began);
        return answer.value;
      }
      if (answer.error["code"] !== "unavailable") throw new Error(`${tool}: ${JSON.stringify(answer.error)}`);
      busyRefusals += 1;
    }
  };

  const work = async (server: StdioServer, agent: string, isKilled: boolean): Promise<void> => {
    let turn = 0;
    while (completions.length < load.tasks && performance.now() < until) {
      const { task, claim } = Claim.parse(
        await call(server, "claim_task", { agent, lease_s: LEASE_S }, claimMs),
      );
      if (task === null || claim === undefined) {
        await sleep(20);
        continue;
      }
      const mine = { task: task.id, agent, attempt: claim.attempt };
      claims.push(mine);
      if (isKilled && completions.length >= load.killAfter) {
        abandoned = mine;
        process.kill(server.pid, "SIGKILL");
        return;
      }
      turn += 1;
      if (turn % 7 === 0)
        await call(
          server,
          "report_progress",
          { token: claim.token, progress: 0.5, checkpoint: { turn } },
          [],
        );
      if (turn % 11 === 0) {
        await call(server, "release_task", { token: claim.token, note: "somebody else may" }, []);
        continue;
      }
      await call(server, "complete_task", { token: claim.token, output: { by: agent } }, completeMs);
      completions.push(mine);
      begun.add(agent);
      // Nobody takes a second task before everybody has done one, so that no process is left out by luck.
      while (begun.size < load.processes && performance.now() < until) await sleep(5);
    }
  };

  await Promise.all(servers.map((server, index) => work(server, `agent-${index}`, index === 0)));
  const wallMs = performance.now() - started;
  await Promise.allSettled(servers.map((server) => server.close()));
  const path = join(load.home, "tasks.db");
  const store = openTaskStore(path, Date.now);
  const events = await store.events({ after: 0, limit: load.tasks * 100 });
  store.close();
  return {
    dag,
    idOfRef,
    claims,
    completions,
    abandoned,
    events,
    damage: [...checkFile(path), ...counterProblems(path)],
    busyRefusals,
    claimMs,
    completeMs,
    wallMs,
  };
}

/** As many tasks as one call takes. */
const PAGE = 500;

async function addAll(server: StdioServer, dag: readonly DagTask[]): Promise<ReadonlyMap<string, string>> {
  const idOfRef = new Map<string, string>();
  for (let added = 0; added < dag.length; added += PAGE) {
    // Tasks of an earlier call are named by their ids.
    const tasks = dag.slice(added, added + PAGE).map(({ ref, dependsOn, priority }) => ({
      ref,
      title: ref,
      depends_on: dependsOn.map((other) => idOfRef.get(other) ?? other),
      priority,
    }));
    const answer = Added.parse(await mustCall(server.client, "add_tasks", { tasks }));
    for (const { ref, id } of answer.tasks) idOfRef.set(ref, id);
  }
  return idOfRef;
}
