import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { checkFile } from "../../kernel/sqlite/check.ts";
import type { EventRecord } from "../../kernel/events.ts";
import { openTaskStore } from "../../servers/tasks/index.ts";
import { openServed } from "../../test/support/all-servers.ts";
import { startNode } from "../../test/support/line-process.ts";
import { run } from "../../test/servers/tasks/call.ts";
import { auditRecord } from "./audit.ts";
import { counterProblems } from "./counters.ts";
import { taskDag } from "./dag.ts";

const CLAIMER = fileURLToPath(new URL("claimer.ts", import.meta.url));
const Pairs = z.array(z.tuple([z.string(), z.int()]));
const Told = z.object({ claims: Pairs, completions: Pairs });

export interface VolumeFigures {
  readonly problems: readonly string[];
  readonly claims: number;
  /** Claims and completions. */
  readonly changes: number;
  readonly wallMs: number;
}

/** Works a made-up plan off with several processes, each with its own server inside, and audits what they did. */
export async function driveVolume(
  home: string,
  processes: number,
  tasks: number,
  seed: number,
): Promise<VolumeFigures> {
  const dependencies = await addPlan(home, tasks, seed);
  const began = performance.now();
  const told = await Promise.all(
    Array.from({ length: processes }, async (_, index) => {
      const agent = `agent-${index}`;
      const child = startNode([CLAIMER, home, agent]);
      const { claims, completions } = Told.parse(JSON.parse(await child.hear()));
      await child.ended;
      const acknowledged = (pairs: z.output<typeof Pairs>) =>
        pairs.map(([task, attempt]) => ({ task, agent, attempt }));
      return { claims: acknowledged(claims), completions: acknowledged(completions) };
    }),
  );
  const wallMs = performance.now() - began;
  const path = join(home, "tasks.db");
  const claims = told.flatMap((each) => each.claims);
  const completions = told.flatMap((each) => each.completions);
  const { problems, done, held } = auditRecord({
    dependencies,
    claims,
    completions,
    events: await allEvents(path),
  });
  return {
    problems: [
      ...checkFile(path),
      ...counterProblems(path),
      ...problems,
      ...(done === tasks && held === 0 ? [] : [`${done} of ${tasks} tasks were completed, ${held} are held`]),
    ],
    claims: claims.length,
    changes: claims.length + completions.length,
    wallMs,
  };
}

/** As many tasks as one call takes. */
const PAGE = 500;

async function addPlan(
  home: string,
  count: number,
  seed: number,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const server = await openServed("tasks", home);
  const idOf = new Map<string, string>();
  const dependencies = new Map<string, readonly string[]>();
  const dag = taskDag(count, seed);
  for (let from = 0; from < dag.length; from += PAGE) {
    const page = dag.slice(from, from + PAGE);
    const tasks = page.map(({ ref, dependsOn, priority }) => ({
      ref,
      title: ref,
      depends_on: dependsOn.map((other) => idOf.get(other) ?? other),
      priority,
    }));
    const added = await run<{ tasks: { id: string }[] }>(server, "add_tasks", { tasks });
    for (const [place, { ref }] of page.entries()) idOf.set(ref, added.tasks[place]?.id ?? "");
    for (const { ref, dependsOn } of page)
      dependencies.set(
        idOf.get(ref) ?? "",
        dependsOn.map((other) => idOf.get(other) ?? ""),
      );
  }
  await server.close();
  return dependencies;
}

/** The log in pages, so that a large one is not held twice. */
async function allEvents(path: string): Promise<readonly EventRecord[]> {
  const store = openTaskStore(path, Date.now);
  const events: EventRecord[] = [];
  for (;;) {
    const page = await store.events({
      after: events.at(-1)?.seq ?? 0,
      limit: 20_000,
      types: ["task.claimed", "task.completed", "task.released", "task.failed", "task.expired"],
    });
    for (const event of page) events.push(event);
    if (page.length < 20_000) break;
  }
  store.close();
  return events;
}
