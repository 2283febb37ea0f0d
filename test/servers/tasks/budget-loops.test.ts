import fc from "fast-check";
import { expect, test } from "vitest";
import { tasksForTest } from "../../support/tasks.ts";
import { run } from "./call.ts";

interface Amounts {
  readonly tokens: number;
  readonly usd: number;
  readonly wall_s: number;
}
interface Held {
  readonly id: string;
  readonly token: string;
  expiresAt: number;
  readonly since: number;
  granted: Partial<Amounts>;
  tokens: number;
  usd: number;
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ do: "claim" as const }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("work" as const),
      at: fc.nat(9),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      reports: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("wait" as const), s: fc.integer({ min: 1, max: 90 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "complete" as const,
        "fail" as const,
        "mend" as const,
        "release" as const,
        "crash" as const,
        "crash" as const,
        "pause" as const,
      ),
      at: fc.nat(9),
    }),
  },
);

const CAPS = { tokens: 1_000, usd: 2, wall_s: 400 };
const ROAD = { tokens: 1_500, usd: 3, wall_s: 500, attempts: 30 };
const MONTH = { tokens: 1_400, wall_s: 450 };

/**
 * Workers here keep to what they are granted and tell the truth, but crash, or fall silent, whenever they like. What
 * they truly spent is counted apart from the server's books.
 */
test("no crash loop makes tasks or milestones spend more than their budgets, and the books never go back", async () => {
  let exhausted = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120, size: "max" }), async (steps) => {
      const queue = tasksForTest();
      let now = Date.UTC(2026, 0, 1);
      const held: Held[] = [];
      const truth = new Map<string, { tokens: number; usd: number; wall_s: number; attempts: number }>();
      const booked = new Map<string, Amounts>();
      const call = <T = Record<string, unknown>>(name: string, args: Record<string, unknown>) =>
        run<T>(queue.server, name, args);
      const takeAt = (at: number): Held | undefined => held.splice(at % Math.max(1, held.length), 1)[0];
      const stop = (attempt: Held, at = Math.min(now, attempt.expiresAt)): void => {
        const spent = truth.get(attempt.id);
        if (spent !== undefined) spent.wall_s += (at - attempt.since) / 1_000;
      };
      try {
        await call("set_milestone", { name: "month", budget: MONTH });
        await call("set_milestone", { name: "week", parent: "month", budget: ROAD });
        await call("add_tasks", {
          tasks: [
            { title: "own budget", budget: CAPS, max_attempts: 3 },
            { title: "own budget on the road", budget: CAPS, max_attempts: 50, milestone: "week" },
            { title: "road only", max_attempts: 50, milestone: "week" },
            { title: "road only", max_attempts: 50, milestone: "week" },
          ],
        });
        for (const next of steps) {
          // A holder stops when its lease ends, and knows it.
          for (const late of held.filter(({ expiresAt }) => expiresAt <= now)) {
            stop(late);
            held.splice(held.indexOf(late), 1);
          }
          if (next.do === "claim") {
            const { task, claim } = await call<{
              task: { id: string } | null;
              claim?: { token: string; expires_at: string; budget?: Partial<Amounts> };
            }>("claim_task", { agent: "ann", lease_s: 60 });
            if (task === null || claim === undefined) continue;
            held.push({
              id: task.id,
              token: claim.token,
              expiresAt: Date.parse(claim.expires_at),
              since: now,
              granted: claim.budget ?? {},
              tokens: 0,
              usd: 0,
            });
            const spent = truth.get(task.id) ?? { tokens: 0, usd: 0, wall_s: 0, attempts: 0 };
            spent.attempts += 1;
            truth.set(task.id, spent);
          } else if (next.do === "work") {
            const attempt = held[next.at % Math.max(1, held.length)];
            if (attempt === undefined) continue;
            const spent = truth.get(attempt.id);
            const more = {
              tokens: Math.floor(((attempt.granted.tokens ?? 50) - attempt.tokens) * next.share),
              usd: ((attempt.granted.usd ?? 0.05) - attempt.usd) * next.share,
            };
            attempt.tokens += Math.max(0, more.tokens);
            attempt.usd += Math.max(0, more.usd);
            if (spent !== undefined) {
              spent.tokens += Math.max(0, more.tokens);
              spent.usd += Math.max(0, more.usd);
            }
            if (!next.reports) continue;
            const answer = await call<{ expires_at: string; budget?: Partial<Amounts> }>("report_progress", {
              token: attempt.token,
              usage: { tokens: attempt.tokens, usd: attempt.usd },
            });
            attempt.expiresAt = Date.parse(answer.expires_at);
            attempt.granted = answer.budget ?? {};
          } else if (next.do === "wait") {
            queue.advance(next.s * 1_000);
            now += next.s * 1_000;
          } else {
            const attempt = takeAt(next.at);
            if (attempt === undefined) continue;
            const usage = { tokens: attempt.tokens, usd: attempt.usd };
            const { token, id } = attempt;
            if (next.do !== "crash") stop(attempt);
            if (next.do === "complete") await call("complete_task", { token, usage });
            if (next.do === "fail") await call("fail_task", { token, usage, error: { message: "no" } });
            if (next.do === "mend")
              await call("fail_task", {
                token,
                usage,
                error: { message: "no", kind: "validation" },
                follow_up: true,
              });
            if (next.do === "release") await call("release_task", { token });
            if (next.do === "pause") {
              await call("update_task", { id, changes: { status: "paused" } });
              await call("update_task", { id, changes: { status: "ready" } }).catch(() => undefined);
            }
            // A crashed one may have worked until its lease ended.
            if (next.do === "crash") stop(attempt, attempt.expiresAt);
          }
          await compare();
        }
        queue.advance(10_000_000);
        now += 10_000_000;
        for (const attempt of held) stop(attempt);
        await compare(true);
        const { events } = await call<{ events: { type: string }[] }>("read_events", {
          types: ["budget.exhausted"],
          max_tokens: 20_000,
        });
        exhausted += events.length;
      } finally {
        await queue.server.close();
      }

      async function compare(isOver = false): Promise<void> {
        const road = { tokens: 0, usd: 0, wall_s: 0, attempts: 0 };
        const { tasks } = await call<{ tasks: { id: string; attempt: number }[] }>("list_tasks", {
          max_tokens: 20_000,
        });
        for (const { id } of tasks) {
          const { task } = await call<{
            task: {
              id: string;
              milestone?: string;
              budget?: Partial<Amounts>;
              spent?: Amounts;
              max_attempts: number;
              excused_attempts?: number;
            };
          }>("get_task", { id });
          const real = truth.get(id) ?? { tokens: 0, usd: 0, wall_s: 0, attempts: 0 };
          const books = task.spent ?? { tokens: 0, usd: 0, wall_s: 0 };
          const last = booked.get(id);
          for (const dimension of ["tokens", "usd", "wall_s"] as const) {
            const slack = 1e-6;
            expect(real[dimension]).toBeLessThanOrEqual((task.budget?.[dimension] ?? 1e9) + slack);
            expect(books[dimension]).toBeLessThanOrEqual((task.budget?.[dimension] ?? 1e9) + slack);
            expect(books[dimension]).toBeGreaterThanOrEqual((last?.[dimension] ?? 0) - slack);
            if (isOver) expect(books[dimension]).toBeGreaterThanOrEqual(real[dimension] - slack);
            if (task.milestone === "week") road[dimension] += real[dimension];
          }
          booked.set(id, books);
          expect(real.attempts - (task.excused_attempts ?? 0)).toBeLessThanOrEqual(task.max_attempts);
          if (task.milestone === "week") road.attempts += real.attempts;
        }
        expect(road.tokens).toBeLessThanOrEqual(MONTH.tokens);
        expect(road.usd).toBeLessThanOrEqual(ROAD.usd + 1e-6);
        expect(road.wall_s).toBeLessThanOrEqual(MONTH.wall_s + 1e-6);
        expect(road.attempts).toBeLessThanOrEqual(ROAD.attempts);
      }
    }),
    { numRuns: 8, seed: 20_261_128 },
  );
  // The property would hold of a queue that gives nothing out.
  expect(exhausted).toBeGreaterThan(4);
}, 240_000);
