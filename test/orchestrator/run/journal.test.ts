import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { openJournal } from "../../../orchestrator/run/journal.ts";
import { endTree, isDriverAlive, thisDriver } from "../../../orchestrator/run/process-life.ts";
import { openRunStore, type RunStore } from "../../../orchestrator/run/run-store.ts";

let folder: string;
let store: RunStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-journal-"));
  store = openRunStore(join(folder, "runs.db"), Date.now);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a finished step answers from the log, in this life and the next", async () => {
  let runs = 0;
  const work = async (): Promise<{ n: number }> => ({ n: (runs += 1) });
  const first = await openJournal(store, "run_1");
  expect(await first.step("a", z.object({ n: z.int() }), work)).toEqual({ n: 1 });
  expect(await first.step("a", z.object({ n: z.int() }), work)).toEqual({ n: 1 });
  const second = await openJournal(store, "run_1");
  expect(await second.step("a", z.object({ n: z.int() }), work)).toEqual({ n: 1 });
  expect(second.finished("a", z.object({ n: z.int() }))).toEqual({ n: 1 });
  expect(runs).toBe(1);
});

test("a step that failed runs again, under the same key", async () => {
  const keys: string[] = [];
  const journal = await openJournal(store, "run_1");
  await expect(
    journal.step("a", z.object({}), async (key) => {
      keys.push(key);
      throw new Error("cut short");
    }),
  ).rejects.toThrow("cut short");
  await journal.step("a", z.object({}), async (key) => {
    keys.push(key);
    return {};
  });
  expect(keys).toEqual(["run_1/a", "run_1/a"]);
});

test("runs of one store do not see each other's steps and events", async () => {
  const one = await openJournal(store, "run_1");
  const two = await openJournal(store, "run_2");
  await one.step("a", z.object({}), async () => ({}));
  await two.emit("phase.started", { phase: "plan" });
  expect(two.finished("a", z.object({}))).toBeUndefined();
  expect((await openJournal(store, "run_2")).events.map((event) => event.type)).toEqual(["phase.started"]);
});

test("beginnings are counted over all lives", async () => {
  const first = await openJournal(store, "run_1");
  expect(await first.begin("work")).toBe(1);
  const second = await openJournal(store, "run_1");
  expect(second.begun("work")).toBe(1);
  expect(await second.begin("work")).toBe(2);
});

test("listeners hear every event once and in order, also those of steps that ran at the same time", async () => {
  const journal = await openJournal(store, "run_1");
  const heard: number[] = [];
  const stop = journal.onEvent((event) => heard.push(event.seq));
  await Promise.all(
    Array.from({ length: 30 }, (_, i) => journal.step(`s${i}`, z.object({}), async () => ({}))),
  );
  stop();
  await journal.emit("run.paused", {});
  expect(heard).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
});

test("a run has one driver; a dead one, or a process that took its id over, does not count", async () => {
  const me = thisDriver();
  expect(isDriverAlive({ pid: process.ppid, born: "not when it was born" })).toBe(
    process.platform !== "linux",
  );
  expect(isDriverAlive({ pid: 2 ** 22 - 3, born: "1" })).toBe(false);
  expect(await store.drive("run_1", me, () => true)).toBeNull();
  const other = { pid: me.pid + 1, born: "1" };
  expect(await store.drive("run_1", other, () => true)).toEqual(me);
  expect(await store.drive("run_1", other, () => false)).toBeNull();
  await store.stopDriving("run_1", me.pid);
  expect(await store.driverOf("run_1")).toEqual(other);
});

test("a driver ends with everything it started", async () => {
  const child = spawn("sh", ["-c", "sh -c 'echo $$; sleep 3600; true' & wait"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const inner = Number(await new Promise<Buffer>((resolve) => child.stdout.once("data", resolve)));
  const closed = new Promise((resolve) => child.once("close", resolve));
  endTree({ pid: child.pid ?? 0, born: "" });
  // The pipe closes only once nobody holds it any more.
  await closed;
  expect(child.signalCode).toBe("SIGKILL");
  expect(isDriverAlive({ pid: inner, born: "" })).toBe(false);
});
