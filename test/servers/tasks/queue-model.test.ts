import fc from "fast-check";
import { expect, test } from "vitest";
import { tasksForTest } from "../../support/tasks.ts";
import { TASK_STATUSES, NEXT, type TaskStatus } from "../../../servers/tasks/domain/task.ts";
import { codeOf, run } from "./call.ts";
import { queueModel, type ModelTask } from "./queue-model.ts";

const START = Date.UTC(2026, 0, 1);
const pick = fc.nat({ max: 30 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("add" as const),
      on: fc.array(fc.record({ at: pick, on: fc.constantFrom("success" as const, "finish" as const) }), {
        maxLength: 3,
      }),
      priority: fc.integer({ min: 1, max: 3 }),
      maxAttempts: fc.integer({ min: 1, max: 3 }),
      needsProof: fc.boolean(),
      path: fc.constantFrom(null, null, "a", "b"),
      delay: fc.constantFrom(0, 0, 5_000),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("claim" as const), lease: fc.constantFrom(10, 60) }) },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "complete" as const,
        "prove" as const,
        "disprove" as const,
        "fail" as const,
        "kill" as const,
        "release" as const,
        "progress" as const,
      ),
      at: pick,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("cancelled" as const, "paused" as const, "ready" as const, "ready" as const),
      at: pick,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("accept" as const, "reject" as const), at: pick }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("edit" as const), at: pick }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("link" as const, "unlink" as const),
      at: pick,
      to: pick,
      on: fc.constantFrom("success" as const, "finish" as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(500, 1_000, 4_000, 11_000),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const add = (more: Partial<Extract<Step, { do: "add" }>> = {}): Step => ({
  do: "add",
  on: [],
  priority: 1,
  maxAttempts: 1,
  needsProof: false,
  path: null,
  delay: 0,
  ...more,
});
const claim: Step = { do: "claim", lease: 60 };
const afterFirst = { on: [{ at: 0, on: "finish" as const }] };

const link = (at: number, to: number, on: "success" | "finish" = "success"): Step => ({
  do: "link",
  at,
  to,
  on,
});

/** Moves that chance seldom makes. */
const RARE: readonly (readonly Step[])[] = [
  [
    add(),
    claim,
    { do: "kill", at: 0 },
    add(),
    add({ delay: 5_000 }),
    link(1, 0),
    link(2, 0),
    { do: "unlink", at: 1, to: 0, on: "success" },
    link(2, 0, "finish"),
  ],
  [
    add(),
    add(),
    add(),
    link(1, 0),
    link(2, 1),
    link(0, 2),
    { do: "unlink", at: 2, to: 1, on: "finish" },
    link(0, 2),
  ],
  [add({ delay: 5_000 }), { do: "paused", at: 0 }, { do: "ready", at: 0 }],
  [add(), add({ ...afterFirst, delay: 5_000 }), claim, { do: "kill", at: 0 }, { do: "ready", at: 0 }],
  [add({ needsProof: true }), claim, { do: "complete", at: 0 }, { do: "reject", at: 0 }],
  [
    add(),
    add({ ...afterFirst, needsProof: true, maxAttempts: 2 }),
    claim,
    { do: "kill", at: 0 },
    claim,
    { do: "complete", at: 0 },
    { do: "ready", at: 0 },
    { do: "reject", at: 1 },
  ],
  [
    add(),
    add(afterFirst),
    claim,
    { do: "kill", at: 0 },
    claim,
    { do: "kill", at: 0 },
    { do: "ready", at: 0 },
    { do: "ready", at: 1 },
  ],
];

test("any sequence of calls leaves the queue as the model says, and its events tell the same", async () => {
  const moves = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: "max" }), async (steps) => {
      let now = START;
      const queue = tasksForTest();
      const model = queueModel(() => now);
      const before = new Map<string, string>();
      const at = (index: number): ModelTask | undefined =>
        [...model.tasks.values()][index % Math.max(1, model.tasks.size)];
      const heldAt = (index: number): ModelTask | undefined => {
        const held = [...model.tasks.values()].filter(({ token }) => token !== null);
        return held[index % Math.max(1, held.length)];
      };
      try {
        for (const next of steps) {
          await apply(next);
          model.settle();
          await compare();
        }
        await compareEvents();
      } finally {
        await queue.server.close();
      }

      async function apply(next: Step): Promise<void> {
        switch (next.do) {
          case "add": {
            const on = [
              ...new Map(
                next.on.flatMap(({ at: index, on: kind }) => {
                  const task = at(index);
                  return task === undefined ? [] : [[task.id, { task: task.id, on: kind }] as const];
                }),
              ).values(),
            ];
            const added = await run<{ tasks: [{ id: string }] }>(queue.server, "add_tasks", {
              tasks: [
                {
                  title: "t",
                  depends_on: on,
                  priority: next.priority,
                  max_attempts: next.maxAttempts,
                  ...(next.needsProof ? { acceptance: [{ run: "check" }] } : {}),
                  ...(next.path === null ? {} : { paths: [`${next.path}/**`] }),
                  ...(next.delay === 0 ? {} : { not_before: new Date(now + next.delay).toISOString() }),
                },
              ],
            });
            const [{ id }] = added.tasks;
            model.add({
              id,
              priority: next.priority,
              maxAttempts: next.maxAttempts,
              needsProof: next.needsProof,
              path: next.path,
              dependsOn: on,
              notBefore: now + next.delay,
            });
            return;
          }
          case "claim": {
            const expected = model.next();
            const { task, claim } = await run<{
              task: { id: string; excused_attempts?: number } | null;
              claim?: { token: string; attempt: number };
            }>(queue.server, "claim_task", { agent: "ann", lease_s: next.lease });
            expect(task?.id).toBe(expected?.id);
            if (expected === undefined) return;
            if (claim === undefined) throw new Error(`${expected.id} was given out without a claim`);
            model.claim(expected, claim.token, next.lease * 1_000);
            expect(claim.attempt).toBe(expected.attempts);
            expect(task?.excused_attempts ?? 0).toBe(expected.spared);
            expect(expected.attempts - expected.spared).toBeLessThanOrEqual(expected.maxAttempts);
            return;
          }
          case "complete":
          case "prove":
          case "disprove":
          case "fail":
          case "kill":
          case "release":
          case "progress": {
            const task = heldAt(next.at);
            if (task === undefined || task.token === null) return;
            const { token } = task;
            const isCut = task.stopping;
            if (next.do === "progress") {
              const answer = await run(queue.server, "report_progress", { token, extend_s: 30 });
              expect(answer["cancel_requested"]).toBe(isCut);
              if (!isCut) task.leaseUntil = Math.max(task.leaseUntil, now + 30_000);
            } else if (next.do === "release") {
              await run(queue.server, "release_task", { token });
              model.end(task, "spare");
            } else if (next.do === "fail" || next.do === "kill") {
              await run(queue.server, "fail_task", {
                token,
                error: { message: "no" },
                retryable: next.do === "fail",
              });
              model.end(task, next.do === "fail" ? "later" : "dead");
            } else {
              await run(queue.server, "complete_task", {
                token,
                evidence: next.do === "complete" ? [] : [`${next.do === "prove" ? "ok" : "bad"}:check`],
              });
              const proof = { complete: "needs_review", prove: "succeeded", disprove: "retry" } as const;
              model.end(task, task.needsProof ? proof[next.do] : "succeeded");
            }
            if (next.do !== "progress")
              expect(await codeOf(queue.server, "report_progress", { token })).toBe("conflict");
            return;
          }
          case "cancelled":
          case "paused":
          case "ready": {
            const task = at(next.at);
            if (task === undefined) return;
            const code = await codeOf(queue.server, "update_task", {
              id: task.id,
              changes: { status: next.do },
            });
            expect(code).toBe(model.redirect(task, next.do) ? "ok" : "invalid_state");
            return;
          }
          case "accept":
          case "reject": {
            const task = at(next.at);
            if (task === undefined) return;
            const code = await codeOf(queue.server, "review_task", {
              id: task.id,
              agent: "bob",
              verdict: next.do,
            });
            expect(code).toBe(task.phase === "needs_review" ? "ok" : "invalid_state");
            if (code === "ok") model.end(task, next.do === "accept" ? "succeeded" : "retry");
            return;
          }
          case "edit": {
            const task = at(next.at);
            if (task !== undefined)
              await run(queue.server, "update_task", { id: task.id, changes: { title: "another" } });
            return;
          }
          case "link":
          case "unlink": {
            const task = at(next.at);
            const other = at(next.to);
            if (task === undefined || other === undefined) return;
            const expected =
              next.do === "link" ? model.link(task, other, next.on) : model.unlink(task, other);
            const code = await codeOf(queue.server, "update_task", {
              id: task.id,
              changes:
                next.do === "link"
                  ? { add_dependencies: [{ task: other.id, on: next.on }] }
                  : { remove_dependencies: [other.id] },
            });
            expect(code).toBe(expected);
            return;
          }
          case "wait":
            queue.advance(next.ms);
            now += next.ms;
        }
      }

      async function compare(): Promise<void> {
        const { tasks } = await run<{
          tasks: {
            id: string;
            status: string;
            open_dependencies?: number;
            attempt: number;
            agent?: string;
          }[];
        }>(queue.server, "list_tasks", { limit: 500, max_tokens: 20_000 });
        const expected = [...model.tasks.values()].map((task) => ({
          id: task.id,
          status: model.statusOf(task),
          open: model.open(task),
          attempt: task.attempts,
          held: task.token !== null,
        }));
        expect(
          tasks.map((task) => ({
            id: task.id,
            status: task.status,
            open: task.open_dependencies ?? 0,
            attempt: task.attempt,
            held: task.agent !== undefined,
          })),
        ).toEqual(expected);
        for (const { id, status } of tasks) {
          const last = before.get(id);
          if (last !== undefined && last !== status) moves.add(`${last} ${status}`);
          before.set(id, status);
        }
      }

      async function compareEvents(): Promise<void> {
        const told = new Map<string, string>();
        const holder = new Map<string, string>();
        let after = 0;
        for (;;) {
          const page = await run<{
            events: { type: string; subject: string; data: Record<string, unknown> }[];
            next_cursor: number;
          }>(queue.server, "read_events", { after, limit: 1_000, max_tokens: 20_000 });
          for (const { type, subject, data } of page.events) {
            if (type === "task.claimed") {
              expect(told.get(subject)).toBe("ready");
              expect(holder.has(subject)).toBe(false);
              holder.set(subject, String(data["agent"]));
            }
            if (["task.completed", "task.failed", "task.released", "task.expired"].includes(type))
              expect(holder.delete(subject)).toBe(true);
            told.set(
              subject,
              (
                {
                  "task.ready": "ready",
                  "task.claimed": "running",
                  "task.dead": "dead",
                  "task.cancelled": "cancelled",
                } as Record<string, string>
              )[type] ?? String(data["status"] ?? told.get(subject)),
            );
          }
          if (page.events.length === 0) break;
          after = page.next_cursor;
        }
        expect(Object.fromEntries(told)).toEqual(
          Object.fromEntries([...model.tasks.values()].map((task) => [task.id, model.statusOf(task)])),
        );
        expect([...holder.keys()].sort()).toEqual(
          [...model.tasks.values()]
            .filter(({ token }) => token !== null)
            .map(({ id }) => id)
            .sort(),
        );
      }
    }),
    { numRuns: 180, seed: 20_261_120, examples: RARE.map((steps): [Step[]] => [[...steps]]) },
  );
  const allowed = TASK_STATUSES.flatMap((from) => NEXT[from].map((to: TaskStatus) => `${from} ${to}`));
  expect(allowed.filter((move) => !moves.has(move))).toEqual([]);
  expect([...moves].filter((move) => !allowed.includes(move))).toEqual([]);
}, 240_000);
