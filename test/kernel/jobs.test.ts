import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MAX_WAIT_MS, openJobs, type Jobs } from "../../kernel/jobs.ts";

const never = new AbortController().signal;
const untilCancelled = (cancelled: AbortSignal): Promise<string> =>
  new Promise((_resolve, reject) =>
    cancelled.addEventListener("abort", () => reject(new Error("stopped")), { once: true }),
  );

let jobs: Jobs<string>;
let unhandled: unknown[];
const note = (error: unknown): void => void unhandled.push(error);
beforeEach(() => {
  jobs = openJobs();
  unhandled = [];
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  await jobs.close();
  await pause(1);
  process.off("unhandledRejection", note);
  vi.useRealTimers();
  expect(unhandled).toEqual([]);
});

test("quick work is answered at once, longer work by a handle that can be waited on", async () => {
  expect(await jobs.start("ann", 1_000, never, async () => "done")).toMatchObject({
    status: "completed",
    result: "done",
    error: undefined,
  });
  const work = Promise.withResolvers<string>();
  const job = await jobs.start("ann", 0, never, () => work.promise);
  expect(job).toMatchObject({ status: "working", result: undefined });
  expect(job.id).toMatch(/^job_[0-9a-f]{24}$/);
  expect(await jobs.wait("ann", job.id, 0)).toMatchObject({ status: "working" });
  const waiting = jobs.wait("ann", job.id, 10_000);
  work.resolve("late");
  expect(await waiting).toMatchObject({ id: job.id, status: "completed", result: "late" });
  expect(await jobs.wait("ann", job.id, 0)).toMatchObject({ status: "completed", result: "late" });
});

test("work that fails, at once or later, is told by its job and not by the process", async () => {
  const boom = new Error("boom");
  expect(
    await jobs.start("ann", 1_000, never, () => {
      throw boom;
    }),
  ).toMatchObject({ status: "failed", error: boom, result: undefined });
  const job = await jobs.start("ann", 0, never, async () => {
    await pause(5);
    throw boom;
  });
  expect(job.status).toBe("working");
  await pause(20);
  expect(await jobs.wait("ann", job.id, 0)).toMatchObject({ status: "failed", error: boom });
});

test("cancelling ends the work, once and again", async () => {
  const job = await jobs.start("ann", 0, never, untilCancelled);
  expect(await jobs.cancel("ann", job.id)).toMatchObject({ id: job.id, status: "cancelled" });
  expect(await jobs.cancel("ann", job.id)).toMatchObject({ status: "cancelled" });
  const done = await jobs.start("ann", 1_000, never, async () => "done");
  expect(await jobs.cancel("ann", done.id)).toMatchObject({ status: "completed", result: "done" });
});

test("a call that is aborted while it waits cancels the work, and one that has returned does not", async () => {
  const call = new AbortController();
  const waiting = jobs.start("ann", 10_000, call.signal, untilCancelled);
  await pause(1);
  call.abort();
  expect(await waiting).toMatchObject({ status: "cancelled" });
  expect(
    await jobs.start("ann", 10_000, call.signal, async (cancelled) =>
      cancelled.aborted ? "told" : "not told",
    ),
  ).toMatchObject({ result: "told" });
  const later = new AbortController();
  const job = await jobs.start("ann", 0, later.signal, untilCancelled);
  later.abort();
  expect(await jobs.wait("ann", job.id, 10)).toMatchObject({ status: "working" });
});

test("a handle is worth nothing to anybody else, and an unknown one to nobody", async () => {
  const job = await jobs.start("ann", 0, never, untilCancelled);
  for (const attempt of [
    jobs.wait("bob", job.id, 0),
    jobs.cancel("bob", job.id),
    jobs.wait("ann", "job_0", 0),
  ]) {
    await expect(attempt).rejects.toMatchObject({ code: "not_found" });
  }
  expect(await jobs.wait("ann", job.id, 0)).toMatchObject({ status: "working" });
});

test("nobody waits longer than the most a host bears", async () => {
  vi.useFakeTimers();
  const waiting = jobs.start("ann", 10 * MAX_WAIT_MS, never, untilCancelled);
  let answered = false;
  void waiting.then(() => (answered = true));
  await vi.advanceTimersByTimeAsync(MAX_WAIT_MS - 1);
  expect(answered).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(answered).toBe(true);
});

test("an ended job is known for an hour", async () => {
  vi.useFakeTimers();
  const job = await jobs.start("ann", 1_000, never, async () => "done");
  await vi.advanceTimersByTimeAsync(3_599_000);
  expect(await jobs.wait("ann", job.id, 0)).toMatchObject({ result: "done" });
  await vi.advanceTimersByTimeAsync(2_000);
  await expect(jobs.wait("ann", job.id, 0)).rejects.toMatchObject({ code: "not_found" });
});

test("close cancels everything, waits until it ended, and takes nothing new", async () => {
  const ended: string[] = [];
  const slow = async (cancelled: AbortSignal): Promise<string> => {
    await untilCancelled(cancelled).catch(() => undefined);
    await pause(20);
    ended.push("cleaned up");
    return "half";
  };
  await jobs.start("ann", 0, never, slow);
  await jobs.start("bob", 0, never, slow);
  await jobs.close();
  expect(ended).toEqual(["cleaned up", "cleaned up"]);
  await expect(jobs.start("ann", 0, never, async () => "new")).rejects.toMatchObject({
    code: "unavailable",
    retryable: true,
  });
});
