import { z } from "zod";
import { temporaryFolder } from "../../test/support/all-servers.ts";
import { callTool, mustCall } from "../../test/support/connect.ts";
import { markdownTable } from "../machine.ts";
import { quantile, seededRandom } from "../statistics.ts";
import { startStdioServer, type StdioServer } from "../stdio-server.ts";

const PROCESSES = 4;
const WRITES = 200;
const PARALLEL = 200;
const KILLS = 100;

const Kept = z.object({ items: z.array(z.object({ id: z.string() })).length(1) });

async function remember({ client }: StdioServer, text: string): Promise<string> {
  const answer = await mustCall(client, "remember", { items: [{ text, kind: "fact" }] });
  return Kept.parse(answer).items[0]?.id ?? "";
}

/** Ids that are not there any more, of all that were acknowledged. */
async function lost({ client }: StdioServer, ids: readonly string[]): Promise<readonly string[]> {
  const missing: unknown[] = [];
  for (let from = 0; from < ids.length; from += 200) {
    const page = ids.slice(from, from + 200);
    const answer = await mustCall(client, "get_memories", { ids: page, max_tokens: 20_000 });
    missing.push(...z.array(z.string()).parse(answer["missing"]));
  }
  return missing.map(String);
}

async function manyProcesses(): Promise<readonly string[]> {
  const home = temporaryFolder("soak-memory");
  const servers = await Promise.all(
    Array.from({ length: PROCESSES }, () => startStdioServer("memory", home.path)),
  );
  const ms: number[] = [];
  const ids = await Promise.all(
    servers.map(async (server, process) => {
      const own: string[] = [];
      for (let turn = 0; turn < WRITES; turn += 1) {
        const began = performance.now();
        own.push(await remember(server, `process ${process} writes ${turn}`));
        ms.push(performance.now() - began);
      }
      return own;
    }),
  );
  const [reader] = servers;
  const missing = reader === undefined ? ["all"] : await lost(reader, ids.flat());
  await Promise.all(servers.map((server) => server.close()));
  home.dispose();
  return row(`${PROCESSES} processes x ${WRITES} writes`, ids.flat().length, missing, ms);
}

async function parallelCalls(): Promise<readonly string[]> {
  const home = temporaryFolder("soak-memory");
  const server = await startStdioServer("memory", home.path);
  const ids = await Promise.all(
    Array.from({ length: PARALLEL }, (_, turn) => remember(server, `parallel ${turn}`)),
  );
  const missing = await lost(server, ids);
  await server.close();
  home.dispose();
  return row(`one process, ${PARALLEL} calls at once`, ids.length, missing, []);
}

/** Each process writes until it is killed; whatever it acknowledged must be found by the one after the last. */
async function killedProcesses(): Promise<readonly string[]> {
  const home = temporaryFolder("soak-memory");
  const random = seededRandom(4);
  const ids: string[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const server = await startStdioServer("memory", home.path);
    // A first write is waited for, so that every kill comes between writes or in one.
    ids.push(await remember(server, `kill ${kill} first`));
    const timer = setTimeout(() => process.kill(server.pid, "SIGKILL"), 200 * random());
    for (let turn = 0, isAlive = true; isAlive; turn += 1) {
      const answer = await callTool(server.client, "remember", {
        items: [{ text: `kill ${kill} after ${turn}`, kind: "fact" }],
      }).catch(() => undefined);
      isAlive = answer?.ok === true;
      if (answer?.ok === true) ids.push(Kept.parse(answer.value).items[0]?.id ?? "");
    }
    clearTimeout(timer);
    await server.close();
  }
  const after = await startStdioServer("memory", home.path);
  const missing = await lost(after, ids);
  const { index } = await mustCall(after.client, "get_memory_stats", { check: true });
  const { sound } = z.object({ sound: z.boolean() }).parse(index);
  await after.close();
  if (!sound) throw new Error(`the search index is not sound after ${KILLS} kills, see ${home.path}`);
  home.dispose();
  return row(`${KILLS} kills during writes`, ids.length, missing, []);
}

function row(
  what: string,
  acknowledged: number,
  missing: readonly string[],
  ms: readonly number[],
): readonly string[] {
  if (missing.length > 0)
    throw new Error(`${what}: ${missing.length} of ${acknowledged} acknowledged are lost`);
  const time = ms.length === 0 ? "" : `${quantile(ms, 0.5).toFixed(1)} / ${quantile(ms, 0.99).toFixed(1)}`;
  return [what, `${acknowledged}`, `${acknowledged}`, time];
}

/** Acknowledged writes of several processes, of parallel calls and of killed processes are all there. */
export async function soakMemory(): Promise<string> {
  const rows = [await manyProcesses(), await parallelCalls(), await killedProcesses()];
  return markdownTable(["what", "acknowledged", "present", "write p50 / p99 ms"], rows);
}
