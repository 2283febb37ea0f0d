import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { z } from "zod";
import { openRunStore } from "../orchestrator/run/run-store.ts";
import { temporaryFolder } from "../test/support/all-servers.ts";
import { mustCall } from "../test/support/connect.ts";
import { quantile } from "./statistics.ts";
import { startStdioServer, type StdioServer } from "./stdio-server.ts";

/** How long each of many equal operations took. */
export interface CallFigures {
  readonly what: string;
  readonly ms: readonly number[];
}

const WARM_UP = 200;

async function timed(
  what: string,
  count: number,
  operation: (turn: number) => Promise<unknown>,
): Promise<CallFigures> {
  const ms: number[] = [];
  for (let turn = 0; turn < WARM_UP + count; turn += 1) {
    const began = performance.now();
    await operation(turn);
    if (turn >= WARM_UP) ms.push(performance.now() - began);
  }
  return { what, ms };
}

const Added = z.object({ tasks: z.array(z.object({ id: z.string() })).min(1) });

/** Tools that only read or write the store, one call after another over stdio. */
export async function measureStoreTools(count: number): Promise<readonly CallFigures[]> {
  const home = temporaryFolder("bench-calls");
  const tasks = await startStdioServer("tasks", home.path);
  const memory = await startStdioServer("memory", home.path);
  try {
    const one = Added.parse(
      await mustCall(tasks.client, "add_tasks", { tasks: [{ title: "the one that is read", priority: 1 }] }),
    ).tasks[0]?.id;
    return [
      await timed("get_task", count, () => mustCall(tasks.client, "get_task", { id: one })),
      await timed("remember", count, (turn) =>
        mustCall(memory.client, "remember", {
          items: [
            { text: `Fact ${turn}: the retry queue of module ${turn % 17} waits ${turn} ms.`, kind: "fact" },
          ],
        }),
      ),
      await timed("recall", count, (turn) =>
        mustCall(memory.client, "recall", { query: `how long does module ${turn % 17} wait` }),
      ),
    ];
  } finally {
    await Promise.all([tasks.close(), memory.close()]);
    home.dispose();
  }
}

/** `claim_task` in a queue of which 99 % wait for a task that nobody may start yet. */
export async function measureClaims(size: number, count: number): Promise<CallFigures> {
  const [claims] = await measureLongQueue(size, count, 0);
  return claims;
}

/** The same, then `list_tasks` and `explain_tasks` in that queue. */
export async function measureLongQueue(
  size: number,
  claims: number,
  looks: number,
): Promise<readonly [CallFigures, ...CallFigures[]]> {
  const home = temporaryFolder("bench-claims");
  const server = await startStdioServer("tasks", home.path);
  const of = `${size.toLocaleString("en")} tasks, 99 % blocked`;
  try {
    await addBlockedQueue(server, size);
    const ms: number[] = [];
    for (let turn = 0; turn < WARM_UP + claims; turn += 1) {
      const began = performance.now();
      const { claim } = Claim.parse(await mustCall(server.client, "claim_task", { agent: "bench" }));
      if (turn >= WARM_UP) ms.push(performance.now() - began);
      // Put back, so that the queue stays as it is.
      await mustCall(server.client, "release_task", { token: claim.token });
    }
    const looked = async (tool: string, args: Record<string, unknown> = {}): Promise<CallFigures> => {
      const times: number[] = [];
      let tokens = 0;
      for (let turn = 0; turn < looks; turn += 1) {
        const began = performance.now();
        const answer = await mustCall(server.client, tool, args);
        times.push(performance.now() - began);
        tokens = countTokens(JSON.stringify(answer));
      }
      const by = Object.keys(args).length === 0 ? "" : ` by ${Object.keys(args).join(", ")}`;
      return { what: `${tool}${by} (${tokens} tokens), ${of}`, ms: times };
    };
    return [
      { what: `claim_task, ${of}`, ms },
      await looked("list_tasks"),
      await looked("list_tasks", { status: ["running", "dead"] }),
      await looked("list_tasks", { milestone: "none", type: "none" }),
      await looked("list_tasks", { text: "what no task says" }),
      await looked("explain_tasks"),
    ];
  } finally {
    await server.close();
    home.dispose();
  }
}

const Claim = z.object({ claim: z.object({ token: z.string() }) });
/** As many tasks as one call takes. */
const PAGE = 500;

/** Fills a queue with pages of tasks; one in a hundred is ready. */
async function addBlockedQueue(server: StdioServer, size: number): Promise<void> {
  const later = "2100-01-01T00:00:00Z";
  const head =
    Added.parse(await mustCall(server.client, "add_tasks", { tasks: [{ title: "head", not_before: later }] }))
      .tasks[0]?.id ?? "";
  for (let added = 0; added < size; added += PAGE) {
    const page = Array.from({ length: Math.min(PAGE, size - added) }, (_, index) => {
      const number = added + index;
      return {
        title: `task ${number}`,
        priority: 1 + (number % 10),
        ...(number % 100 === 0 ? {} : { depends_on: [head] }),
      };
    });
    await mustCall(server.client, "add_tasks", { tasks: page });
  }
}

/** Saving a step of a run: one event appended and on disk. */
export async function measureRunEvents(count: number): Promise<CallFigures> {
  const home = temporaryFolder("bench-events");
  const store = openRunStore(join(home.path, "runs.db"), Date.now);
  try {
    return await timed("run event append", count, (turn) =>
      store.append([
        {
          type: "step.finished",
          subject: "run_bench",
          data: { step: `step ${turn}`, result: randomBytes(400).toString("hex") },
        },
      ]),
    );
  } finally {
    store.close();
    home.dispose();
  }
}

export const CALL_HEAD = ["operation", "count", "p50 ms", "p95 ms", "p99 ms", "min ms"];

/** One row under `CALL_HEAD`. */
export function callRow({ what, ms }: CallFigures): readonly string[] {
  return [
    what,
    `${ms.length}`,
    ...[0.5, 0.95, 0.99].map((q) => quantile(ms, q).toFixed(2)),
    Math.min(...ms).toFixed(2),
  ];
}
