/**
 * One agent with a tasks server of its own inside: claims and completes until every task is over, then prints what it
 * was told as one line of JSON. Run by `volume.ts`.
 *
 *     claimer.ts HOME AGENT
 */
import { setTimeout as sleep } from "node:timers/promises";
import { DomainError } from "../../kernel/errors.ts";
import { openServed } from "../../test/support/all-servers.ts";
import { run } from "../../test/servers/tasks/call.ts";

const [home = "", agent = ""] = process.argv.slice(2);
const server = await openServed("tasks", home);
const claims: (readonly [string, number])[] = [];
const completions: (readonly [string, number])[] = [];

/** Calls until the store is free; a refusal because of that says that nothing was changed. */
async function call<T>(tool: string, args: Record<string, unknown>): Promise<T> {
  for (;;) {
    try {
      return await run<T>(server, tool, args);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== "unavailable") throw error;
    }
  }
}

for (;;) {
  const { task, claim, why_none } = await call<{
    task: { id: string } | null;
    claim?: { token: string; attempt: number };
    why_none?: string;
  }>("claim_task", { agent });
  if (task === null || claim === undefined) {
    if (why_none === "every task is finished") break;
    await sleep(5);
    continue;
  }
  claims.push([task.id, claim.attempt]);
  await call("complete_task", { token: claim.token });
  completions.push([task.id, claim.attempt]);
}
await server.close();
process.stdout.write(`${JSON.stringify({ claims, completions })}\n`);
