import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { receiptKey } from "../../kernel/receipts.ts";
import { attest } from "../../servers/sandbox/adapters/attest.ts";
import type { Backend, SandboxRef } from "../../servers/sandbox/adapters/backend.ts";
import { runCommand, type CommandResult } from "../../servers/sandbox/adapters/run-command.ts";
import { temporaryFolder } from "../../test/support/all-servers.ts";
import { mustCall } from "../../test/support/connect.ts";
import { candidates, runDeps } from "../../test/servers/sandbox/backends.ts";
import { sleepers } from "../../test/servers/sandbox/sleepers.ts";
import { markdownTable, residentMb } from "../machine.ts";
import { quantile, seededRandom } from "../statistics.ts";
import { startStdioServer } from "../stdio-server.ts";

const TREES = 100;
const ENDINGS = 200;
const KILLS = 50;
const LIMITS = { cpu: 1, memoryMb: 96, pids: 64, diskMb: 48 };
/** A command that is to end is gone by then, whatever it does about it. */
const AT_ONCE_MS = 5_000;
const FLOOD_MB = 64;

type Rows = string[][];

/** Full counts of the sandbox server, on every isolated backend that works here. Throws where something does not hold. */
export async function soakSandbox(argv: readonly string[]): Promise<string> {
  const parts = argv.length === 0 ? ["trees", "endings", "flood", "kills"] : argv;
  const rows: Rows = [];
  for (const { name, need, open } of await candidates()) {
    if (name === "unisolated") continue;
    if (need.skip) {
      rows.push([name, "all", "0", `not run:${need.label}`]);
      continue;
    }
    const home = temporaryFolder("soak-sandbox");
    const backend = open(home.path);
    if (parts.includes("trees")) rows.push(await withSandbox(backend, timedOutTrees));
    if (parts.includes("endings")) rows.push(await withSandbox(backend, mixedEndings));
    if (parts.includes("flood")) rows.push(await flood(name));
    if (parts.includes("kills")) rows.push(await killedServers(name));
    home.dispose();
  }
  return markdownTable(["backend", "what", "count", "result"], rows);
}

async function withSandbox(
  backend: Backend,
  work: (backend: Backend, ref: SandboxRef) => Promise<string[]>,
): Promise<string[]> {
  const id = `sbx_${randomBytes(8).toString("hex")}`;
  const ref = await backend.create({ id, limits: LIMITS, ttlS: 3_600 }, () => undefined);
  try {
    return await work(backend, ref);
  } finally {
    await backend.destroy(ref);
  }
}

function sh(
  backend: Backend,
  ref: SandboxRef,
  script: string,
  timeoutMs = 60_000,
  signal = new AbortController().signal,
): Promise<CommandResult> {
  const spec = {
    argv: ["/bin/sh", "-c", script],
    cwd: ".",
    env: {},
    stdin: undefined,
    timeoutMs,
    outputCapBytes: 1e6,
  };
  return runCommand(backend, ref, spec, runDeps, signal);
}

/** Trees that left their session and ignore signals: half end by time, half by their caller, all at once and whole. */
async function timedOutTrees(backend: Backend, ref: SandboxRef): Promise<string[]> {
  const overshoots: number[] = [];
  for (let tree = 0; tree < TREES; tree += 1) {
    const mark = `31${String(tree).padStart(3, "0")}${randomBytes(2).readUInt16BE()}`;
    const script = `trap '' TERM HUP INT; setsid sleep ${mark} & (setsid sh -c 'trap "" TERM; sleep ${mark} & sleep ${mark}' &) ; sleep ${mark}`;
    const caller = new AbortController();
    const isTimed = tree % 2 === 0;
    const startedAt = performance.now();
    const running = sh(backend, ref, script, isTimed ? 500 : 60_000, caller.signal);
    let endedAt = startedAt + 500;
    if (!isTimed) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      if (sleepers(mark).length === 0) throw new Error("a tree had not started");
      endedAt = performance.now();
      caller.abort();
    }
    const { ending } = await running;
    overshoots.push(performance.now() - endedAt);
    if (ending.outcome !== (isTimed ? "timeout" : "cancelled"))
      throw new Error(`a tree ended as ${ending.outcome}`);
    const left = sleepers(mark).length;
    if (left > 0) throw new Error(`${left} processes of a tree are left`);
  }
  const slowest = Math.max(...overshoots);
  if (slowest > AT_ONCE_MS) throw new Error(`a tree took ${slowest.toFixed(0)} ms to end`);
  return [
    backend.name,
    "trees ended by time or by their caller",
    `${TREES}`,
    `0 processes left; gone after p50 ${quantile(overshoots, 0.5).toFixed(0)} ms, at most ${slowest.toFixed(0)} ms`,
  ];
}

const EAT = "node -e 'const kept = []; for (;;) kept.push(Buffer.alloc(8e6, 1));'";

/** Endings in a mixed order, with programs that exit as if something else had ended them. */
async function mixedEndings(backend: Backend, ref: SandboxRef): Promise<string[]> {
  const guarantees = await attest(backend, ref, runDeps);
  const kinds: readonly (readonly [script: string, expected: string])[] = [
    ["exit 0", "exited 0"],
    ["exit 137", "exited 137"],
    ["exit 143", "exited 143"],
    ["exit 126", "exited 126"],
    ["exit 127", "exited 127"],
    ["exit 255", "exited 255"],
    ["kill -9 $$", "signaled SIGKILL"],
    ["kill -SEGV $$", "signaled SIGSEGV"],
    ["sleep 60", "timeout"],
    ["yes flood", "output_cap"],
    ...(guarantees.memory === "enforced" ? ([[EAT, "oom"]] as const) : []),
    ...(backend.name === "docker"
      ? ([["i=0; while [ $i -lt 100 ]; do sleep 20 & i=$((i+1)); done; exit 1", "pids"]] as const)
      : []),
  ];
  const random = seededRandom(5);
  const counts = new Map<string, number>();
  for (let run = 0; run < ENDINGS; run += 1) {
    const [script, expected] = kinds[Math.floor(random() * kinds.length)] ?? ["exit 0", "exited 0"];
    // Only what is to run out of time is given little of it.
    const { ending } = await sh(backend, ref, script, expected === "timeout" ? 300 : 60_000);
    const detail =
      ending.outcome === "exited"
        ? ` ${ending.exitCode}`
        : ending.outcome === "signaled"
          ? ` ${ending.signal}`
          : "";
    if (`${ending.outcome}${detail}` !== expected)
      throw new Error(`run ${run}, ${script}: ${ending.outcome}${detail} in place of ${expected}`);
    counts.set(expected, (counts.get(expected) ?? 0) + 1);
  }
  return [
    backend.name,
    "endings of different kinds",
    `${ENDINGS}`,
    `all told right (${[...counts].map(([kind, count]) => `${kind} ${count}`).join(", ")})`,
  ];
}

/** A gigabyte of output against the server's memory. */
async function flood(backend: string): Promise<string[]> {
  const home = temporaryFolder("soak-flood");
  const server = await startStdioServer("sandbox", home.path);
  const { id } = await mustCall(server.client, "create_sandbox", { backend });
  await mustCall(server.client, "run_command", { sandbox_id: id, script: "true" });
  const before = residentMb(server.pid);
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, residentMb(server.pid))), 20);
  const startedAt = performance.now();
  const answer = await mustCall(server.client, "run_command", {
    sandbox_id: id,
    script: "head -c 1000000000 /dev/zero",
  });
  const ms = performance.now() - startedAt;
  clearInterval(watch);
  await mustCall(server.client, "delete_sandbox", { sandbox_id: id });
  await server.close();
  home.dispose();
  if (answer["outcome"] !== "output_cap") throw new Error(`the flood ended as ${String(answer["outcome"])}`);
  if (peak - before > FLOOD_MB) throw new Error(`the server grew by ${(peak - before).toFixed(0)} MB`);
  return [
    backend,
    "1 GB of output",
    "1",
    `cut and killed after ${ms.toFixed(0)} ms; the server grew by ${(peak - before).toFixed(0)} MB`,
  ];
}

/** Servers killed -9 while they make a sandbox or run in one; the next one on the same home removes what they left. */
async function killedServers(backend: string): Promise<string[]> {
  const home = temporaryFolder("soak-kills");
  const random = seededRandom(7);
  for (let round = 0; round < KILLS; round += 1) {
    const server = await startStdioServer("sandbox", home.path);
    const work = (async () => {
      const { id } = await mustCall(server.client, "create_sandbox", { backend, ttl_s: 3_600 });
      await mustCall(server.client, "run_command", {
        sandbox_id: id,
        argv: ["sleep", "32100"],
        timeout_s: 3_600,
      });
    })().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 20 + random() * 1_500));
    process.kill(server.pid, "SIGKILL");
    await work;
    await server.close();
    const next = await startStdioServer("sandbox", home.path);
    // What has a record is its maker's to keep, so it is deleted as a person would; the rest must go by itself.
    const { sandboxes } = await mustCall(next.client, "list_sandboxes", { limit: 100 });
    for (const sandbox of Array.isArray(sandboxes) ? sandboxes : [])
      await mustCall(next.client, "delete_sandbox", { sandbox_id: Object(sandbox)["id"] });
    const { id } = await mustCall(next.client, "create_sandbox", { backend });
    await mustCall(next.client, "delete_sandbox", { sandbox_id: id });
    await next.close();
  }
  const owner = createHash("sha256").update("owner").update(receiptKey(home.path)).digest("hex").slice(0, 16);
  const processes = sleepers("32100").length;
  const [containers, volumes] = [labelled(owner, ["ps", "--all"]), labelled(owner, ["volume", "ls"])];
  home.dispose();
  if (processes + containers + volumes > 0)
    throw new Error(`left behind: ${processes} processes, ${containers} containers, ${volumes} volumes`);
  return [backend, "servers killed -9", `${KILLS}`, "0 processes, containers and volumes left"];
}

/** How many things of one state folder the daemon holds; 0 where its client is not installed. */
function labelled(owner: string, list: readonly string[]): number {
  const filter = ["--quiet", "--filter", `label=slipway.owner=${owner}`];
  const { status, stdout } = spawnSync("docker", [...list, ...filter], { encoding: "utf8" });
  return status === 0 ? stdout.split("\n").filter((line) => line !== "").length : 0;
}
