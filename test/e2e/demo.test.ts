import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { demoOutcome } from "../support/demo-outcome.ts";
import { slipwayHere } from "../support/slipway-here.ts";
import { slipway } from "../support/slipway-process.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), "slipway-demo-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const MERGES = [
  "Add up an invoice with its discounts",
  "Give the discount from the tier's quantity on",
  "Keep the cents of every amount",
];

test("the demo plans, works, proves, reviews, decides and merges; people see lines and a report", async () => {
  const ended = await slipway(["demo", "--dir", folder], { docker: true });
  expect(ended.code, ended.err.join("\n")).toBe(0);
  expect(demoOutcome(folder)).toMatchObject({
    merges: MERGES,
    isClean: true,
    branch: "main",
    worktrees: 0,
    checkouts: 0,
    testsPass: true,
  });
  expect(ended.err[0]).toBe("scripted model, no LLM");
  expect(ended.err.filter((line) => line.startsWith("✓"))).toHaveLength(3);

  const home = join(folder, "state");
  const log = await slipwayHere(["logs", "--home", home]);
  const events = log.out.map((line): { type: string; seq: number; data: Record<string, unknown> } =>
    JSON.parse(line),
  );
  expect(events[0]?.type).toBe("run.started");
  expect(events.at(-1)).toMatchObject({
    type: "run.finished",
    data: {
      status: "done",
      tasks: [{ status: "merged" }, { status: "merged" }, { status: "merged" }],
      spend: { usd: null },
    },
  });
  // Nothing had to be tried again.
  expect(events.map(({ type }) => type)).not.toContain("task.failed");
  const seqs = events.map((event) => event.seq);
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  // Both independent repairs are under way before either lands.
  const begun = events.flatMap((event, at) =>
    event.type === "attempt.started" ? [{ at, task: event.data["task"] }] : [],
  );
  const landed = events.findIndex((event) => event.type === "task.completed");
  expect(
    begun
      .filter(({ at }) => at < landed)
      .map(({ task }) => task)
      .sort(),
  ).toEqual(["fix-discount", "fix-money"]);

  const again = await slipwayHere(["report", "--home", home]);
  expect(ended.out.slice(0, 5)).toEqual(again.out.slice(0, 5));
  expect((await slipwayHere(["status", "--home", home])).out).toEqual([
    expect.stringMatching(/^run_\S+ {2}done +3\/3 merged/),
  ]);
  expect((await slipwayHere(["resume", "--home", home])).code).toBe(1);
});

test("sabotage: a wrong patch and an edited test both end rejected, exit 6, main untouched", async () => {
  const ended = await slipway(["demo", "--sabotage", "--in-process", "--dir", folder, "--json"]);
  expect(ended.code, ended.err.join("\n")).toBe(6);
  const events = ended.out.map((line): { type: string; data: { gate?: string; target_commit?: string } } =>
    JSON.parse(line),
  );
  const failed = new Set(
    events.filter((event) => event.type === "gate.failed").map((event) => event.data.gate),
  );
  expect(failed).toEqual(new Set(["acceptance", "tampering"]));
  const outcome = demoOutcome(folder);
  expect(outcome).toMatchObject({ merges: [], isClean: true, testsPass: false });
  const head = execFileSync("git", ["-C", join(folder, "sample"), "rev-parse", "main"], {
    encoding: "utf8",
  }).trim();
  expect(head).toBe(events[0]?.data.target_commit);
});
