import fc from "fast-check";
import { expect, test } from "vitest";
import { classify, type Evidence } from "../../../../servers/sandbox/domain/outcome.ts";

const calm: Evidence = {
  stopped: null,
  launch: "started",
  exitCode: 0,
  signal: null,
  oomKills: 0,
  forksRefused: 0,
  alive: true,
};

const cases: readonly (readonly [string, Partial<Evidence>, string])[] = [
  ["a clean end", {}, "exited"],
  ["a failure", { exitCode: 1 }, "exited"],
  ["137 by itself", { exitCode: 137 }, "exited"],
  ["a signal", { exitCode: null, signal: "SIGKILL" }, "signaled"],
  ["a kill for memory", { exitCode: null, signal: "SIGKILL", oomKills: 1 }, "oom"],
  ["a child killed for memory, passed on", { exitCode: 1, oomKills: 1 }, "oom"],
  ["a child killed for memory, coped with", { oomKills: 1 }, "exited"],
  ["too many processes", { exitCode: 2, forksRefused: 3 }, "pids"],
  ["our timeout", { stopped: "timeout", exitCode: null, signal: "SIGKILL" }, "timeout"],
  ["our timeout while memory ran out", { stopped: "timeout", exitCode: null, oomKills: 1 }, "timeout"],
  ["the output cap", { stopped: "output_cap", exitCode: 137 }, "output_cap"],
  ["the caller's patience", { stopped: "cancelled", exitCode: 143 }, "cancelled"],
  ["no such folder", { launch: "bad_cwd", exitCode: 126 }, "bad_cwd"],
  ["no such program", { launch: "not_found", exitCode: 127 }, "not_found"],
  ["127 by itself", { exitCode: 127 }, "exited"],
  ["the sandbox went away", { alive: false, exitCode: 137 }, "sandbox_dead"],
  ["nothing is known", { exitCode: null }, "sandbox_dead"],
];

test.each(cases)("%s", (_name, evidence, outcome) => {
  expect(classify({ ...calm, ...evidence }).outcome).toBe(outcome);
});

test("an exit code alone never means memory, time or a limit", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), (exitCode) => {
      expect(classify({ ...calm, exitCode })).toEqual({ outcome: "exited", exitCode, signal: null });
    }),
  );
});
