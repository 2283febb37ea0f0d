import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { slipwayHere } from "../support/slipway-here.ts";

let project: SampleProject;
beforeEach(() => {
  project = sampleProject();
});
afterEach(() => project.remove());

const run = async (plan: object): Promise<{ code: number | null; phases: number; err: string }> => {
  const ended = await slipwayHere(project.run(plan, "echo done > $REF"));
  return {
    code: ended.code,
    phases: ended.out.filter((line) => line.includes('"phase":"setup"')).length,
    err: [...ended.err, ...ended.out.slice(-3)].join("\n"),
  };
};

test("setup runs once per lockfile digest, and what it made is there for every proof, also where git ignores it", async () => {
  const task = (ref: string): object => ({
    ref,
    title: ref,
    acceptance: [{ run: "test -f node_modules/thing/made.txt && grep -q add add.js" }],
  });
  const plan = {
    // What was there before the setup comes from the tree under test: a file that it changes is as it was.
    setup: "mkdir -p node_modules/thing && echo made > node_modules/thing/made.txt && echo broken > add.js",
    tasks: [task("one"), task("two")],
  };
  project.git("commit", "-q", "--allow-empty", "-m", "x");
  const first = await run(plan);
  expect(first, first.err).toMatchObject({ code: 0, phases: 1 });
  const second = await run({ ...plan, tasks: [task("three")] });
  expect(second, second.err).toMatchObject({ code: 0, phases: 0 });
  expect(readdirSync(join(project.home, "setups"))).toHaveLength(1);
  expect(project.git("ls-files")).not.toContain("node_modules");
});

test("a setup that was asked for and fails stops the run before any work", async () => {
  const failed = await run({ setup: "echo broken >&2; exit 3", tasks: [{ ref: "one", title: "one" }] });
  expect(failed.code).toBe(1);
  expect(failed.err).toMatch(/setup .*exited 3.*broken/s);
  expect(project.git("branch", "--list", "slipway/*")).toBe("");
});
