import { join } from "node:path";
import { z } from "zod";
import { backupDatabase } from "../../kernel/sqlite/backup.ts";
import { checkFile } from "../../kernel/sqlite/check.ts";
import { openMemoryStore } from "../../servers/memory/index.ts";
import { temporaryFolder } from "../../test/support/all-servers.ts";
import { callTool, mustCall } from "../../test/support/connect.ts";
import { markdownTable } from "../machine.ts";
import { seededRandom } from "../statistics.ts";
import { startStdioServer, type StdioServer } from "../stdio-server.ts";

const PROCESSES = 8;
const KEYS = 200;
const KILLS = 50;
const BACKUPS = 20;

const Remembered = z.object({ items: z.tuple([z.object({ id: z.string(), status: z.string() })]) });

/** What every store of ours promises, over real servers: keys answered once, acknowledged writes kept, sound backups. */
export async function soakKernel(): Promise<string> {
  const rows = [await oneKeyManyProcesses(), await killedWriters(), await backupsUnderWriting()];
  return markdownTable(["what", "count", "result"], rows);
}

/** The same call under the same key reaches all processes at once: it is done once, and all of them give its answer. */
async function oneKeyManyProcesses(): Promise<readonly string[]> {
  const home = temporaryFolder("soak-keys");
  const servers = await Promise.all(
    Array.from({ length: PROCESSES }, () => startStdioServer("memory", home.path)),
  );
  for (let key = 0; key < KEYS; key += 1) {
    const args = { items: [{ text: `note ${key}`, kind: "fact" }], idempotency_key: `key-${key}` };
    const answers = await Promise.all(servers.map((server) => mustCall(server.client, "remember", args)));
    const different = new Set(answers.map((answer) => JSON.stringify(answer)));
    if (different.size !== 1)
      throw new Error(`key ${key} was answered in ${different.size} ways: ${[...different].join(" ")}`);
  }
  await close(servers);
  const remembered = (await recordedIds(home.path)).length;
  if (remembered !== KEYS) throw new Error(`${KEYS} keys made ${remembered} memories`);
  refuseUnsound(home.path);
  home.dispose();
  return [
    "one key sent to 8 processes at once",
    `${KEYS} keys, ${KEYS * PROCESSES} calls`,
    "each done once, one answer each",
  ];
}

/** A server is killed -9 at any moment between and within writes; what it had acknowledged is there. */
async function killedWriters(): Promise<readonly string[]> {
  const home = temporaryFolder("soak-kills");
  const random = seededRandom(11);
  const acknowledged: string[] = [];
  for (let round = 0; round < KILLS; round += 1) {
    const server = await startStdioServer("memory", home.path);
    const killer = setTimeout(() => process.kill(server.pid, "SIGKILL"), 5 + random() * 200);
    try {
      for (let note = 0; ; note += 1) {
        const answer = await callTool(server.client, "remember", {
          items: [{ text: `round ${round}, note ${note}`, kind: "fact" }],
        });
        if (answer.ok) acknowledged.push(Remembered.parse(answer.value).items[0].id);
      }
    } catch {
      // The connection ended with the server.
    } finally {
      clearTimeout(killer);
      await server.close().catch(() => undefined);
    }
    refuseUnsound(home.path);
  }
  const recorded = new Set(await recordedIds(home.path));
  const lost = acknowledged.filter((id) => !recorded.has(id));
  if (lost.length > 0)
    throw new Error(`${lost.length} acknowledged memories are lost: ${lost.slice(0, 5).join(", ")}`);
  home.dispose();
  return [
    `kill -9 of a writing server`,
    `${KILLS} kills, ${acknowledged.length} acknowledged writes`,
    "none lost, file and chain sound every time",
  ];
}

/** Copies made while a server writes are sound, and each holds all that was acknowledged before it began. */
async function backupsUnderWriting(): Promise<readonly string[]> {
  const home = temporaryFolder("soak-backups");
  const server = await startStdioServer("memory", home.path);
  const acknowledged: string[] = [];
  const stop = new AbortController();
  const writing = (async () => {
    for (let note = 0; !stop.signal.aborted; note += 1) {
      const answer = await mustCall(server.client, "remember", {
        items: [{ text: `written beside a backup, ${note}`, kind: "fact" }],
      });
      acknowledged.push(Remembered.parse(answer).items[0].id);
    }
  })();
  for (let count = 0; count < BACKUPS; count += 1) {
    const before = acknowledged.length;
    const copy = await backupDatabase(join(home.path, "memory.db"), Date.now);
    const problems = checkFile(copy);
    if (problems.length > 0) throw new Error(`backup ${count}: ${problems.join("; ")}`);
    const held = new Set(await recordedIn(copy));
    const missing = acknowledged.slice(0, before).filter((id) => !held.has(id));
    if (missing.length > 0)
      throw new Error(`backup ${count} lacks ${missing.length} of ${before} acknowledged memories`);
  }
  stop.abort();
  await writing;
  await close([server]);
  home.dispose();
  return [
    "backup beside a writing server",
    `${BACKUPS} backups, ${acknowledged.length} writes`,
    "all sound, none behind what was acknowledged",
  ];
}

async function close(servers: readonly StdioServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.close()));
}

function refuseUnsound(home: string): void {
  const problems = checkFile(join(home, "memory.db"));
  if (problems.length > 0) throw new Error(`state in ${home}: ${problems.join("; ")}`);
}

async function recordedIds(home: string): Promise<readonly string[]> {
  return recordedIn(join(home, "memory.db"));
}

async function recordedIn(path: string): Promise<readonly string[]> {
  const store = openMemoryStore(path, Date.now, (prefix) => prefix);
  const events = await store.events({ after: 0, limit: 1_000_000, types: ["memory.remembered"] });
  store.close();
  return events.map(({ subject }) => subject);
}
