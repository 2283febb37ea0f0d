import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";

/** A Chroma server of this process on a folder. It ends with this process, however that ends. */
export interface ChromaChild {
  /** http://127.0.0.1:<port> */
  readonly address: string;
  readonly pid: number;
  readonly isAlive: () => boolean;
  close(): Promise<void>;
}

const START_WITHIN_MS = 30_000;
const POLL_MS = 50;

/**
 * Chroma runs inside the process that this starts, where no code of ours gets a turn any more; so a thread beside it
 * waits for the end of standard input, the pipe from the parent, and then ends the process at once.
 */
const PROGRAM = `
import { Worker } from "node:worker_threads";
const [, cli, folder, port] = process.argv;
const thread = new Worker(
  'import { readSync } from "node:fs"; import { parentPort } from "node:worker_threads";' +
  'const byte = Buffer.alloc(1); parentPort.postMessage("watching");' +
  'try { while (readSync(0, byte) > 0); } catch {} process.kill(process.pid, "SIGKILL");', { eval: true });
await new Promise((resolve) => thread.once("message", resolve));
process.argv = [process.argv[0], "chroma", "run", "--path", folder, "--port", port, "--host", "127.0.0.1"];
await import(cli);`;

const Running = z.object({ owner: z.int(), pid: z.int(), address: z.string() });

/**
 * Starts Chroma on a folder. Two servers on one folder lose what they are told without an error, so the folder is
 * locked by the operating system for as long as this process lives.
 *
 * @param cli The file that runs Chroma, `chromadb/dist/cli.mjs`.
 * @throws {DomainError} conflict where another process has it, naming that one; unavailable where it does not start.
 */
export async function startChroma(cli: string, folder: string): Promise<ChromaChild> {
  mkdirSync(folder, { recursive: true });
  const lock = lockOf(folder);
  try {
    await leftBehind(folder);
    const port = await freePort();
    const address = `http://127.0.0.1:${port}`;
    const child = spawn(
      process.execPath,
      ["--input-type=module", "-e", PROGRAM, cli, join(folder, "data"), `${port}`],
      { cwd: folder, stdio: ["pipe", "ignore", "ignore"], env: {} },
    );
    const pid = child.pid ?? 0;
    // Written to a child that is gone: the pipe says so, and nobody needs to know.
    child.stdin.on("error", () => undefined);
    writeFileSync(runningFile(folder), JSON.stringify({ owner: process.pid, pid, address }));
    await answering(child, address);
    return {
      address,
      pid,
      isAlive: () => child.exitCode === null && child.signalCode === null,
      async close() {
        await ended(child);
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** The address of the Chroma that another process runs on a folder, as it was written there; undefined for none. */
export function runningChroma(folder: string): string | undefined {
  return readRunning(folder)?.address;
}

/** @throws {DomainError} unavailable where the package is not installed. */
export function chromaProgram(): string {
  try {
    const client = fileURLToPath(import.meta.resolve("chromadb"));
    const cli = join(dirname(client), "cli.mjs");
    if (existsSync(cli)) return cli;
  } catch {
    // Told below.
  }
  throw new DomainError("unavailable", "the package chromadb is not installed", {
    hint: "run npm install chromadb@3.5.0 where slipway is installed, or set CHROMA_URL to a server that runs",
    retryable: false,
  });
}

/** An exclusive lock of SQLite: the system lets go of it when the process ends, so none is ever left behind. */
function lockOf(folder: string): DatabaseSync {
  const lock = new DatabaseSync(join(folder, "lock.db"), { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock.close();
    const owner = readRunning(folder)?.owner;
    throw new DomainError("conflict", `Chroma runs on ${folder} already, by process ${owner ?? "unknown"}`, {
      hint: "two servers on one folder lose vectors: use that one, or stop it first",
      cause,
    });
  }
}

function runningFile(folder: string): string {
  return join(folder, "running.json");
}

function readRunning(folder: string): z.output<typeof Running> | undefined {
  try {
    return Running.safeParse(JSON.parse(readFileSync(runningFile(folder), "utf8"))).data;
  } catch {
    return undefined;
  }
}

/** The child of an owner that was killed ends a moment later than that. */
async function leftBehind(folder: string): Promise<void> {
  const before = readRunning(folder);
  if (before === undefined) return;
  for (let waited = 0; waited < START_WITHIN_MS; waited += POLL_MS) {
    const answers = await fetch(`${before.address}/api/v2/heartbeat`, { signal: AbortSignal.timeout(1_000) })
      .then((response) => response.ok)
      .catch(() => false);
    if (!answers) return;
    await pause(POLL_MS);
  }
  throw new DomainError("unavailable", `a Chroma without an owner answers on ${before.address}`, {
    hint: `end process ${before.pid}`,
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address === "object" ? address.port : 0;
}

async function answering(child: ChildProcess, address: string): Promise<void> {
  for (let waited = 0; waited < START_WITHIN_MS; waited += POLL_MS) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    const response = await fetch(`${address}/api/v2/heartbeat`).catch(() => undefined);
    if (response?.ok === true) return;
    await pause(POLL_MS);
  }
  await ended(child);
  throw new DomainError("unavailable", "Chroma did not start", {
    hint: "run npx chroma run to see why; its newer bindings need glibc 2.39, version 1.0.5 of them does not",
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
