import { setTimeout as sleep } from "node:timers/promises";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { temporaryFolder } from "../../test/support/all-servers.ts";
import { markdownTable, residentTreeMb } from "../machine.ts";
import { quantile } from "../statistics.ts";
import { claudeFlow } from "./claude-flow.ts";
import { installPeer } from "./install.ts";
import { slipway } from "./slipway.ts";
import type { Subject } from "./subject.ts";
import { taskMaster } from "./task-master.ts";

const STARTS = 5;
const SIZES = [100, 1_000, 10_000];
const WARM_UP = 3;
const CLIENTS = 4;
const EACH = 15;

/**
 * Slipway's queue and two task servers of others, side by side in one run: `npm run bench -- tasks [--peers DIR]
 * [--calls N]`. The others are installed into a folder that is removed afterwards, or kept in DIR.
 */
export async function compareTasks(peers: string | undefined, calls: number): Promise<string> {
  const scratch = temporaryFolder("bench-peers");
  try {
    const subjects = [slipway, ...others(peers ?? scratch.path)];
    const starts = [];
    const operations = [];
    const together = [];
    for (const subject of subjects) {
      process.stderr.write(`bench tasks: ${subject.name}\n`);
      starts.push([subject.name, ...(await orWhyNot(() => startRow(subject), START_HEAD.length - 1))]);
      for (const size of SIZES) {
        const row = await orWhyNot(() => operationRow(subject, size, calls), OPERATION_HEAD.length - 3);
        operations.push([subject.name, subject.claiming, size.toLocaleString("en"), ...row]);
      }
      together.push([
        subject.name,
        ...(await orWhyNot(() => togetherRow(subject), TOGETHER_HEAD.length - 1)),
      ]);
    }
    return [
      markdownTable(START_HEAD, starts),
      markdownTable(OPERATION_HEAD, operations),
      markdownTable(TOGETHER_HEAD, together),
    ].join("\n\n");
  } finally {
    scratch.dispose();
  }
}

function others(folder: string): readonly Subject[] {
  const subjects: Subject[] = [];
  for (const [name, version, open] of [
    ["task-master-ai", "0.43.1", taskMaster],
    ["claude-flow", "3.43.0", claudeFlow],
  ] as const) {
    try {
      subjects.push(open(installPeer(folder, name, version), version));
    } catch (error) {
      process.stderr.write(
        `bench tasks: ${name} is left out: ${error instanceof Error ? error.message : ""}\n`,
      );
    }
  }
  return subjects;
}

/** A row, or the reason in its first cell: one server that fails does not end the comparison. */
async function orWhyNot(
  measure: () => Promise<readonly string[]>,
  cells: number,
): Promise<readonly string[]> {
  try {
    return await measure();
  } catch (error) {
    const why = error instanceof Error ? error.message.replaceAll(/\s+/g, " ").slice(0, 80) : "failed";
    return [why, ...Array.from({ length: cells - 1 }, () => "-")];
  }
}

const START_HEAD = ["server", "start p50 ms", "start min ms", "idle RSS MB", "tools", "tools/list tokens"];

async function startRow(subject: Subject): Promise<readonly string[]> {
  const folder = temporaryFolder("bench-start");
  try {
    await subject.fill(folder.path, 100);
    const startMs: number[] = [];
    const rssMb: number[] = [];
    let tools = 0;
    let tokens = 0;
    for (let round = 0; round <= STARTS; round += 1) {
      const server = await subject.start(folder.path);
      const listed = await server.client.listTools();
      await sleep(300);
      tools = listed.tools.length;
      tokens = encode(JSON.stringify(listed)).length;
      // The first one fills the file cache.
      if (round > 0) {
        startMs.push(server.startMs);
        rssMb.push(residentTreeMb(server.pid));
      }
      await server.close();
    }
    return [
      quantile(startMs, 0.5).toFixed(0),
      Math.min(...startMs).toFixed(0),
      quantile(rssMb, 0.5).toFixed(0),
      `${tools}`,
      tokens.toLocaleString("en"),
    ];
  } finally {
    folder.dispose();
  }
}

const OPERATION_HEAD = [
  "server",
  "claim is",
  "tasks",
  "add p50 ms",
  "claim p50 ms",
  "complete p50 ms",
  "add max ms",
  "claim max ms",
  "complete max ms",
  "RSS MB",
];

async function operationRow(subject: Subject, size: number, calls: number): Promise<readonly string[]> {
  const folder = temporaryFolder("bench-operations");
  try {
    await subject.fill(folder.path, size);
    const { client, pid, close } = await subject.start(folder.path);
    const times = { add: [], claim: [], complete: [] } as Record<"add" | "claim" | "complete", number[]>;
    const timed = async <T>(what: keyof typeof times, operation: () => Promise<T>): Promise<T> => {
      const began = performance.now();
      const result = await operation();
      times[what].push(performance.now() - began);
      return result;
    };
    for (let turn = 0; turn < WARM_UP + calls; turn += 1) {
      await timed("add", () => subject.add(client, folder.path, `added ${turn}`));
      const { claim } = await timed("claim", () => subject.claim(client, folder.path, "bench"));
      await timed("complete", () => subject.complete(client, folder.path, claim));
    }
    const rssMb = residentTreeMb(pid);
    await close();
    const measured = [times.add, times.claim, times.complete].map((ms) => ms.slice(WARM_UP));
    return [
      ...measured.map((ms) => quantile(ms, 0.5).toFixed(1)),
      ...measured.map((ms) => Math.max(...ms).toFixed(1)),
      rssMb.toFixed(0),
    ];
  } finally {
    folder.dispose();
  }
}

const TOGETHER_HEAD = [
  "server",
  "adds acknowledged",
  "adds stored",
  "old tasks lost",
  "claims acknowledged",
  "different tasks claimed",
];

/** Four processes on one folder of 1,000 tasks: what they add at once, and what they take at once. */
async function togetherRow(subject: Subject): Promise<readonly string[]> {
  const before = 1_000;
  const folder = temporaryFolder("bench-together");
  try {
    await subject.fill(folder.path, before);
    const servers = await Promise.all(Array.from({ length: CLIENTS }, () => subject.start(folder.path)));
    let added = 0;
    const claimed: string[] = [];
    await Promise.all(
      servers.map(async ({ client }, number) => {
        for (let turn = 0; turn < EACH; turn += 1) {
          await subject
            .add(client, folder.path, `of ${number}, ${turn}`)
            .then(() => (added += 1))
            .catch(() => undefined);
        }
      }),
    );
    await Promise.all(
      servers.map(async ({ client }, number) => {
        for (let turn = 0; turn < EACH; turn += 1) {
          await subject
            .claim(client, folder.path, `agent ${number}`)
            .then(({ task }) => claimed.push(task))
            .catch(() => undefined);
        }
      }),
    );
    await Promise.all(servers.map((server) => server.close()));
    const stored = await subject.stored(folder.path);
    return [
      `${added}`,
      `${Math.max(0, stored - before)}`,
      `${Math.max(0, before - stored)}`,
      `${claimed.length}`,
      `${new Set(claimed).size}`,
    ];
  } finally {
    folder.dispose();
  }
}
