import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { EXIT, type Io } from "../../kernel/io.ts";
import { ownEntry } from "../hosts.ts";
import type { RunStore } from "./run-store.ts";

/** A run that goes on without its terminal, or how it ended before it began. */
export type Detached =
  | { readonly status: "driving"; readonly pid: number; readonly log: string }
  | { readonly status: "ended"; readonly code: number; readonly log: string };

/** Leaves a run that has begun to a process of its own, which outlives this one, and waits until that one drives it. */
export async function detach(
  store: RunStore,
  runId: string,
  {
    home,
    io,
    sleep,
  }: { readonly home: string; readonly io: Io; readonly sleep: (ms: number) => Promise<void> },
): Promise<Detached> {
  const folder = join(home, "logs");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const log = join(folder, `${runId}.log`);
  const file = openSync(log, "a", 0o600);
  const child = spawn(
    process.execPath,
    [...process.execArgv, ownEntry(), "resume", runId, "--home", home, "--verbose"],
    { cwd: io.cwd, env: { ...io.env }, detached: true, stdio: ["ignore", file, file] },
  );
  let code: number | undefined;
  child.once("exit", (ended) => {
    code = ended ?? EXIT.failed;
  });
  child.once("error", () => {
    code = EXIT.failed;
  });
  closeSync(file);
  for (;;) {
    // It may have driven and ended between two looks.
    if (code !== undefined) return { status: "ended", code, log };
    if ((await store.driverOf(runId)) !== undefined) break;
    await sleep(50);
  }
  child.unref();
  return { status: "driving", pid: child.pid ?? 0, log };
}
