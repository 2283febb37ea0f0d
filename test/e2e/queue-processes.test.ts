import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { auditQueue } from "../../bench/queue/audit.ts";
import { driveQueue, type QueueRun } from "../../bench/queue/drive.ts";
import { temporaryFolder } from "../support/all-servers.ts";

const home = temporaryFolder("queue");
let run: QueueRun;

// The full count is `npm run soak -- tasks`.
beforeAll(async () => {
  run = await driveQueue({
    home: home.path,
    processes: 3,
    tasks: 60,
    seed: 7,
    killAfter: 15,
    deadlineMs: 60_000,
  });
}, 120_000);
afterAll(() => home.dispose());

describe("3 server processes on one queue of 60 tasks, one of them killed", () => {
  test("no double claim, no lost acknowledgement, no dependency broken, and the killed one's claim comes back", () => {
    expect(auditQueue(run)).toEqual([]);
  });

  test("all of them worked", () => {
    expect(new Set(run.completions.map(({ agent }) => agent)).size).toBe(3);
    expect(run.completions).toHaveLength(60);
  });
});

describe("the audit finds", () => {
  const at = (type: string): number => run.events.findIndex((event) => event.type === type);

  test("a lost completion", () => {
    const events = run.events.filter((_, index) => index !== at("task.completed"));
    expect(auditQueue({ ...run, events })).toEqual(
      expect.arrayContaining([expect.stringMatching(/acknowledged completion .* is lost/)]),
    );
  });

  test("a double claim", () => {
    const claim = at("task.claimed");
    const events = run.events.toSpliced(claim + 1, 0, ...run.events.slice(claim, claim + 1));
    expect(auditQueue({ ...run, events })).toEqual([
      expect.stringMatching(/was claimed by .* while .* held it/),
    ]);
  });

  test("a start before its dependencies", () => {
    const [last] = run.dag.filter(({ dependsOn }) => dependsOn.length > 0).slice(-1);
    const id = run.idOfRef.get(last?.ref ?? "");
    const claim = run.events.find(({ type, subject }) => type === "task.claimed" && subject === id);
    const events = [...(claim === undefined ? [] : [claim]), ...run.events];
    expect(auditQueue({ ...run, events })).toEqual(
      expect.arrayContaining([expect.stringMatching(/was started before/)]),
    );
  });

  test("a claim that never came back", () => {
    const events = run.events.filter(({ type }) => type !== "task.expired");
    expect(auditQueue({ ...run, events })).toEqual(
      expect.arrayContaining([expect.stringMatching(/never came back/)]),
    );
  });
});
