import fc from "fast-check";
import { expect, test } from "vitest";
import type { EventType } from "../../../kernel/event-types.ts";
import type { EventRecord } from "../../../kernel/events.ts";
import { reportText } from "../../../orchestrator/cli/report-text.ts";
import { emptyRun, foldRun, withEvent } from "../../../orchestrator/run/state.ts";
import { traceRun } from "../../../orchestrator/run/trace.ts";

function events(...list: readonly (readonly [EventType, EventRecord["data"]])[]): EventRecord[] {
  return list.map(([type, data], index) => ({
    seq: index + 1,
    type,
    at: new Date(index * 1_000).toISOString(),
    principal: "local",
    subject: "run_1",
    data,
    prev_hash: "",
    hash: "",
  }));
}

const STORY = events(
  ["run.started", { goal: "g", repo: "/r" }],
  ["task.added", { task: "a", id: "tsk_1", title: "A", depends_on: [] }],
  ["task.added", { task: "b", id: "tsk_2", title: "B", depends_on: ["a"] }],
  ["phase.started", { phase: "work" }],
  ["task.claimed", { task: "a", attempt: 1 }],
  ["gate.failed", { task: "a", attempt: 1, gate: "acceptance", reasons: ["red"] }],
  ["task.failed", { task: "a", attempt: 1, reasons: ["red"] }],
  ["task.claimed", { task: "a", attempt: 2 }],
  ["gate.passed", { task: "a", attempt: 2, gate: "acceptance", reasons: [] }],
  ["spend.updated", { usd: 0.5, tokens: 10 }],
  ["task.completed", { task: "a", commit: "c0ffee" }],
  ["spend.updated", { usd: null, tokens: 5 }],
);

test("the story of a run folds into what people see", () => {
  expect(foldRun("run_1", STORY)).toMatchObject({
    goal: "g",
    phase: "work",
    status: "running",
    tokens: 15,
    usd: null,
    tasks: [
      {
        ref: "a",
        state: "merged",
        attempt: 2,
        commit: "c0ffee",
        gates: [{ gate: "acceptance", verdict: "passed" }],
        reasons: [],
      },
      { ref: "b", state: "waiting_for_others", dependsOn: ["a"] },
    ],
  });
});

test("how a run finished decides over every task", () => {
  const end = events([
    "run.finished",
    {
      status: "rejected",
      tasks: [
        { ref: "a", status: "merged", reasons: [] },
        { ref: "b", status: "rejected", reasons: ["no"] },
      ],
    },
  ]);
  expect(foldRun("run_1", [...STORY, ...end])).toMatchObject({
    status: "rejected",
    tasks: [{ state: "merged" }, { state: "rejected", reasons: ["no"] }],
  });
});

test("what isolated the commands is kept, each backend once", () => {
  const made = events(
    ["sandbox.created", { backend: "docker" }],
    ["sandbox.created", { backend: "unisolated" }],
    ["sandbox.created", { backend: "docker" }],
  );
  const run = foldRun("run_1", made);
  expect(run.backends).toEqual(["docker", "unisolated"]);
  expect(reportText(run, traceRun("run_1", made), [])).toContain(
    "isolation: none, commands ran on this machine",
  );
});

test("paused and resumed", () => {
  expect(foldRun("run_1", events(["run.started", {}], ["run.paused", {}])).status).toBe("paused");
  expect(foldRun("run_1", events(["run.started", {}], ["run.paused", {}], ["run.resumed", {}])).status).toBe(
    "running",
  );
});

test("folding in one go and event by event give the same, wherever it is cut", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: STORY.length }), (cut) => {
      const head = foldRun("run_1", STORY.slice(0, cut));
      expect(STORY.slice(cut).reduce(withEvent, head)).toEqual(foldRun("run_1", STORY));
    }),
  );
});

test("an event of a task that is not known changes no task", () => {
  expect(
    events(["task.completed", { task: "ghost", commit: "x" }]).reduce(withEvent, emptyRun("run_1")).tasks,
  ).toEqual([]);
});
