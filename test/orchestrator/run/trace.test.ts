import { expect, test } from "vitest";
import type { EventType } from "../../../kernel/event-types.ts";
import type { EventRecord } from "../../../kernel/events.ts";
import { reportMarkdown } from "../../../orchestrator/cli/report-markdown.ts";
import { reportText } from "../../../orchestrator/cli/report-text.ts";
import { foldRun } from "../../../orchestrator/run/state.ts";
import { traceRun } from "../../../orchestrator/run/trace.ts";

const events = (list: readonly (readonly [EventType, EventRecord["data"]])[]): readonly EventRecord[] =>
  list.map(([type, data], at) => ({
    seq: at + 1,
    type,
    at: "2026-01-01T00:00:00.000Z",
    principal: "local",
    subject: "run_x",
    data,
    prev_hash: "",
    hash: "",
  }));

const record = (exitCode: number | null): readonly EventRecord[] =>
  events([
    ["run.started", { goal: "Sums", repo: "r" }],
    [
      "step.finished",
      {
        key: "plan",
        result: {
          plan: {
            requirements: [
              { id: "R1", text: "adds | up" },
              { id: "R2", text: "is documented" },
              { id: "R3", text: "nobody serves it" },
            ],
            tasks: [
              { ref: "add", requirements: ["R1"] },
              { ref: "docs", requirements: ["R2"] },
            ],
          },
        },
      },
    ],
    ["task.added", { task: "add", id: "1", title: "Add" }],
    ["task.added", { task: "docs", id: "2", title: "Write" }],
    ["task.claimed", { task: "add", attempt: 1 }],
    ["step.finished", { key: "t/add/a1/proof", result: { runs: [{ command: "npm test", exit_code: 1 }] } }],
    ["spend.updated", { task: "add", attempt: 1, tokens: 100, usd: 0 }],
    ["task.claimed", { task: "add", attempt: 2 }],
    ["spend.updated", { task: "add", attempt: 2, tokens: 300, usd: 0 }],
    [
      "step.finished",
      { key: "t/add/a2/proof", result: { runs: [{ command: "npm test", exit_code: exitCode }] } },
    ],
    ["task.completed", { task: "add", attempt: 2, commit: "abcdef0123456" }],
    ["task.claimed", { task: "docs", attempt: 1 }],
    ["task.completed", { task: "docs", attempt: 1, commit: "0123456" }],
  ]);

test("a requirement is covered by a task that is merged and was proven, not by a merge alone", () => {
  const trace = traceRun("run_x", record(0));
  expect(trace.requirements.map(({ id, tasks, covered }) => [id, tasks, covered])).toEqual([
    ["R1", ["add"], true],
    ["R2", ["docs"], false],
    ["R3", [], false],
  ]);
  expect(trace.tasks[0]).toMatchObject({
    requirements: ["R1"],
    tests: [{ command: "npm test", exit_code: 0 }],
    commit: "abcdef0123456",
  });
  expect(trace.token_efficiency).toBe(0.75);
});

test.each([1, null])("a proof that ended with %s covers nothing", (exitCode) => {
  expect(traceRun("run_x", record(exitCode)).requirements[0]?.covered).toBe(false);
});

test("a task that is not merged covers nothing, and its tokens are spent for nothing", () => {
  const trace = traceRun(
    "run_x",
    record(0).filter((event) => event.type !== "task.completed"),
  );
  expect(trace.requirements.map(({ covered }) => covered)).toEqual([false, false, false]);
  expect(trace.token_efficiency).toBe(0);
});

test("a run that has no plan yet has an empty trace", () => {
  expect(traceRun("run_x", record(0).slice(0, 1))).toEqual({
    requirements: [],
    tasks: [],
    token_efficiency: null,
  });
});

test("the page names all of it, in cells that hold", () => {
  const run = foldRun("run_x", record(0));
  const trace = traceRun("run_x", record(0));
  const page = reportMarkdown(run, trace);
  expect(page).toContain("| R1 | adds \\| up | add | yes |");
  expect(page).toContain("| R3 | nobody serves it | none | **no** |");
  expect(page).toContain("| add | Add | R1 | merged | 2 | npm test (exit 0) | abcdef0123 |");
  expect(page).toContain("400 tokens, 75 % of them in merged attempts");
  const text = reportText(run, trace, []);
  expect(text).toContain("uncovered: R3  nobody serves it");
  expect(text).toContain("400 tokens (75 % in merged attempts)");
});
