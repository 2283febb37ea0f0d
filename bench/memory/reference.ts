/**
 * Slipway's memory beside @modelcontextprotocol/server-memory, which is installed into a temporary folder: start,
 * resident memory, tokens of tools/list, writing and searching with 1,000 and 10,000 things, and what survives of the
 * writes of four processes. Prints markdown.
 *
 *     node bench/memory/reference.ts [--calls N]
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { serverEnvironment } from "../../test/support/served-process.ts";
import { temporaryFolder } from "../../test/support/all-servers.ts";
import { machineLine, markdownTable, residentMb } from "../machine.ts";
import { quantile } from "../statistics.ts";

const REFERENCE = "@modelcontextprotocol/server-memory@2026.8.31";
const SLIPWAY = fileURLToPath(new URL("../../bin/slipway", import.meta.url));
const BATCH = 100;
const PROCESSES = 4;
const WRITES = 200;

interface Peer {
  readonly name: string;
  start(folder: string): StdioClientTransport;
  /** Adds things `from` to `to`, each with a common word and one of its own. */
  fill(client: Client, from: number, to: number): Promise<unknown>;
  write(client: Client, name: string): Promise<unknown>;
  search(client: Client, query: string): Promise<unknown>;
  /** How many of the things with this word it finds. */
  count(client: Client, names: readonly string[]): Promise<number>;
}

const scratch = temporaryFolder("bench-memory");
process.once("exit", () => scratch.dispose());

function installReference(): string {
  const folder = join(scratch.path, "reference");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{"private":true}');
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", REFERENCE], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return join(folder, "node_modules/@modelcontextprotocol/server-memory/dist/index.js");
}

const call = (client: Client, name: string, args: Record<string, unknown>): Promise<unknown> =>
  client.callTool({ name, arguments: args });
const textOf = (index: number): string => `the module${index} retries its queue with pauses of ${index} ms`;

function reference(entry: string): Peer {
  const entity = (name: string, text: string): object => ({
    name,
    entityType: "module",
    observations: [text],
  });
  return {
    name: "reference",
    start: (folder) =>
      new StdioClientTransport({
        command: process.execPath,
        args: [entry],
        cwd: folder,
        env: { ...serverEnvironment(folder), MEMORY_FILE_PATH: join(folder, "memory.jsonl") },
        stderr: "ignore",
      }),
    fill: (client, from, to) =>
      call(client, "create_entities", {
        entities: Array.from({ length: to - from }, (_, index) =>
          entity(`module${from + index}`, textOf(from + index)),
        ),
      }),
    write: (client, name) =>
      call(client, "create_entities", { entities: [entity(name, `${name} was written`)] }),
    search: (client, query) => call(client, "search_nodes", { query }),
    async count(client, names) {
      const answer = JSON.stringify(await call(client, "read_graph", {}));
      return names.filter((name) => answer.includes(name)).length;
    },
  };
}

const slipway: Peer = {
  name: "slipway",
  start(folder) {
    const environment = serverEnvironment(folder);
    return new StdioClientTransport({
      command: SLIPWAY,
      args: ["serve", "memory", "--home", folder],
      cwd: folder,
      env: { ...environment, PATH: `${dirname(process.execPath)}:${environment["PATH"] ?? ""}` },
      stderr: "ignore",
    });
  },
  fill: (client, from, to) =>
    call(client, "remember", {
      items: Array.from({ length: to - from }, (_, index) => ({
        kind: "fact",
        title: `module${from + index}`,
        text: textOf(from + index),
      })),
    }),
  write: (client, name) =>
    call(client, "remember", { items: [{ kind: "fact", text: `${name} was written` }] }),
  search: (client, query) => call(client, "recall", { query }),
  async count(client, names) {
    let found = 0;
    for (const name of names)
      if (JSON.stringify(await call(client, "recall", { query: name, k: 1 })).includes(name)) found += 1;
    return found;
  },
};

async function open(peer: Peer, folder: string): Promise<{ client: Client; pid: number; startMs: number }> {
  mkdirSync(folder, { recursive: true });
  const transport = peer.start(folder);
  const client = new Client({ name: "bench", version: "1.0.0" });
  const started = performance.now();
  await client.connect(transport);
  await client.listTools();
  return { client, pid: transport.pid ?? 0, startMs: performance.now() - started };
}

async function timed(calls: number, work: (index: number) => Promise<unknown>): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let index = 0; index < calls; index += 1) {
    const started = performance.now();
    await work(index);
    samples.push(performance.now() - started);
  }
  return samples;
}

const ms = (samples: readonly number[]): string =>
  `${quantile(samples, 0.5).toFixed(1)} / ${quantile(samples, 0.99).toFixed(1)}`;

async function measure(peer: Peer, calls: number): Promise<ReadonlyMap<string, string>> {
  const figures = new Map<string, string>();
  const starts: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const { client, pid, startMs } = await open(peer, join(scratch.path, `${peer.name}-start`));
    starts.push(startMs);
    figures.set("idle MB", residentMb(pid).toFixed(0));
    const { tools } = await client.listTools();
    figures.set("tools / tokens of tools/list", `${tools.length} / ${encode(JSON.stringify(tools)).length}`);
    await client.close();
  }
  figures.set("start to tools/list, p50 ms", quantile(starts, 0.5).toFixed(0));
  const { client } = await open(peer, join(scratch.path, `${peer.name}-load`));
  let filled = 0;
  for (const size of [1_000, 10_000]) {
    for (; filled < size; filled += BATCH) await peer.fill(client, filled, filled + BATCH);
    const label = size.toLocaleString("en-US");
    const write = await timed(calls, (index) => peer.write(client, `single${size}x${index}`));
    figures.set(`write one at ${label}, p50 / p99 ms`, ms(write));
    for (const [what, query] of [
      ["rare word", "module777"],
      ["common word", "queue"],
      ["question", "how long does module777 pause its queue?"],
    ] as const) {
      const search = await timed(calls, () => peer.search(client, query));
      const answer = JSON.stringify(await peer.search(client, query));
      figures.set(`search ${what} at ${label}, p50 / p99 ms`, ms(search));
      figures.set(
        `search ${what} at ${label}, tokens of the answer`,
        `${encode(answer).length}${answer.includes("module777") || what === "common word" ? "" : ", not found"}`,
      );
    }
  }
  await client.close();
  const shared = join(scratch.path, `${peer.name}-shared`);
  const writers = await Promise.all(Array.from({ length: PROCESSES }, () => open(peer, shared)));
  const names = writers.map((_, writer) =>
    Array.from({ length: WRITES }, (__, index) => `w${writer}q${index}z`),
  );
  await Promise.all(
    writers.map(async (writer, index) => {
      for (const name of names[index] ?? []) await peer.write(writer.client, name);
    }),
  );
  await Promise.all(writers.map((writer) => writer.client.close()));
  const reader = await open(peer, shared);
  const survived = await peer.count(reader.client, names.flat());
  await reader.client.close();
  figures.set(
    `${PROCESSES} processes x ${WRITES} writes, present after`,
    `${survived} of ${PROCESSES * WRITES}`,
  );
  return figures;
}

const { values } = parseArgs({ options: { calls: { type: "string", default: "100" } } });
const peers = [slipway, reference(installReference())];
const measured: ReadonlyMap<string, string>[] = [];
for (const peer of peers) measured.push(await measure(peer, Number(values.calls)));
const labels = [...(measured[0]?.keys() ?? [])];
const rows = labels.map((label) => [label, ...measured.map((figures) => figures.get(label) ?? "")]);
process.stdout.write(`${machineLine(new Date())}\n\n`);
process.stdout.write(`${markdownTable(["", "slipway", REFERENCE], rows)}\n`);
