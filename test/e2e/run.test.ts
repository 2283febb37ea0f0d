import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { openMemory } from "../../servers/memory/main.ts";
import { connect, mustCall } from "../support/connect.ts";
import {
  ONE_TASK,
  sampleProject,
  THREE_TASKS,
  TWO_TASKS,
  WORKS,
  type SampleProject,
} from "../support/sample-project.ts";
import { slipwayHere } from "../support/slipway-here.ts";
import { slipway, type Ended } from "../support/slipway-process.ts";

let project: SampleProject;
beforeEach(() => {
  project = sampleProject();
});
afterEach(() => project.remove());

const run = (plan: object, script: string, ...more: string[]): Promise<Ended> =>
  slipwayHere([...project.run(plan, script), ...more]);

interface Finished {
  readonly type: string;
  readonly status: string;
  readonly tasks: {
    readonly ref: string;
    readonly status: string;
    readonly reasons: string[];
    readonly commit?: string;
    readonly branch?: string;
  }[];
  readonly spend: { readonly usd: number | null; readonly tokens: number };
  readonly duration_ms: number;
}

function lastEvent(ended: Ended): Finished {
  const event: Finished = JSON.parse(ended.out.at(-1) ?? "{}");
  expect(event.type, ended.err.join("\n")).toBe("run.finished");
  return event;
}

const types = (ended: Ended): string[] => ended.out.map((line): string => JSON.parse(line).type);

describe("a run with a program as its implementer", () => {
  test("lands a small DAG, each task by a merge of its own, and leaves nothing behind", async () => {
    const ended = await slipway(project.run(THREE_TASKS, WORKS));
    const last = lastEvent(ended);
    expect(last).toMatchObject({
      status: "done",
      tasks: [{ status: "merged" }, { status: "merged" }, { status: "merged" }],
      spend: { usd: null, tokens: 0 },
    });
    expect(ended.code).toBe(0);
    expect(project.git("log", "--merges", "--format=%s", "main").split("\n").sort()).toEqual([
      "Add a note",
      "Fix add",
      "Fix mul",
    ]);
    expect(project.git("status", "--porcelain")).toBe("");
    expect(project.git("worktree", "list").split("\n")).toHaveLength(1);
    expect(project.git("show", "main:NOTE")).toBe("done");
    expect(types(ended)).toContain("gate.not_available");

    const memory = await openMemory({ home: project.home, env: {}, cwd: project.repo, log: silentLog });
    const { client, close } = await connect(memory);
    const recalled = await mustCall(client, "recall", {
      query: "What was done about the wrong addition, who fixed add?",
    });
    expect(recalled).toMatchObject({
      hits: expect.arrayContaining([expect.objectContaining({ kind: "task", title: "Fix add" })]),
    });
    await close();
    await memory.close();
  });

  test("a second attempt hears why the first was refused", async () => {
    const ended = await run(
      ONE_TASK,
      `if [ "$ATTEMPT" = 1 ]; then echo x > extra; else grep -q 'exited 1' "$SLIPWAY_JOB"; sed -i 's/a - b/a + b/' add.js; fi`,
    );
    expect(lastEvent(ended)).toMatchObject({ status: "done" });
  });

  test("main moving on during the work: the merged result is proven before it lands", async () => {
    const script = `sed -i 's/a - b/a + b/' add.js; cd ${project.repo}; echo other > other.txt; git add other.txt; git -c user.name=o -c user.email=o@localhost commit -qm "by somebody else"`;
    const ended = await run(ONE_TASK, script);
    expect(lastEvent(ended)).toMatchObject({ status: "done" });
    expect(
      ended.out
        .map((line): { type: string; data: { gate?: string } } => JSON.parse(line))
        .filter((event) => event.data.gate === "integration"),
    ).toHaveLength(1);
    expect(project.git("log", "--format=%s", "--first-parent", "main").split("\n")).toEqual([
      "Fix add",
      "by somebody else",
      "base",
    ]);
  });

  test("a conflict with what landed meanwhile is worked out anew on the new main", async () => {
    const script = `if [ "$ATTEMPT" = 1 ]; then sed -i 's/a - b/a + b/' add.js; cd ${project.repo}; sed -i 's/a - b/b - a/' add.js; git -c user.name=o -c user.email=o@localhost commit -qam "elsewhere"; else sed -i 's/b - a/a + b/' add.js; fi`;
    const ended = await run(ONE_TASK, script);
    expect(lastEvent(ended)).toMatchObject({ status: "done" });
    expect(types(ended).filter((type) => type === "attempt.started")).toHaveLength(2);
    expect(project.git("show", "main:add.js")).toBe("export const add = (a, b) => a + b;");
  });

  test("a change of what other programs run by themselves lands without a person at autonomy 5 only", async () => {
    const script = `${WORKS}; mkdir -p .github/workflows; echo 'on: push' > .github/workflows/ci.yml`;
    expect((await run(ONE_TASK, script, "--autonomy", "5")).code).toBe(0);
    expect(project.git("ls-tree", "-r", "--name-only", "main")).toContain(".github/workflows/ci.yml");
  });

  test("SIGINT once stops at the next safe point with exit 130, and resume finishes the job", async () => {
    let sent = 0;
    const ended = await slipway(project.run(TWO_TASKS, WORKS), {
      signalAt: (line) => (line.includes('"gate":"tampering"') && (sent += 1) === 1 ? "SIGINT" : null),
    });
    expect(ended.code).toBe(130);
    expect(types(ended).at(-1)).toBe("run.paused");
    const resumed = await slipway(["resume", "--home", project.home, "--json"]);
    expect(lastEvent(resumed)).toMatchObject({ status: "done" });
    expect(project.git("log", "--merges", "--format=%s", "main").split("\n").sort()).toEqual([
      "Fix add",
      "Fix mul",
    ]);
  });
});

describe("bad input: one line with the fix, the documented exit code, nothing made", () => {
  const cases: readonly (readonly [string, (p: SampleProject) => readonly string[], number, RegExp])[] = [
    [
      "an unknown flag",
      () => ["run", "x", "--worker", "3"],
      2,
      /unknown flag --worker.*did you mean --workers\?/,
    ],
    ["an unknown command", () => ["rum"], 2, /there is no command "rum".*did you mean slipway run\?/],
    ["no goal", (p) => ["run", "--repo", p.repo, "--runner", "command:true"], 2, /what should be done\?/],
    [
      "a runner that is none",
      (p) => ["run", "x", "--repo", p.repo, "--runner", "magic"],
      2,
      /there is no such runner/,
    ],
    [
      "a plan with a circle",
      (p) => [
        "run",
        "--repo",
        p.repo,
        "--runner",
        "command:true",
        "--plan",
        p.plan({
          tasks: [
            { ref: "a", title: "a", depends_on: ["b"] },
            { ref: "b", title: "b", depends_on: ["a"] },
          ],
        }),
      ],
      2,
      /circle: a -> b -> a/,
    ],
    [
      "a plan with an unknown key",
      (p) => ["plan", "validate", p.plan({ tasks: [{ ref: "a", title: "a", depnds_on: [] }] })],
      2,
      /tasks\.0.*depnds_on/,
    ],
    [
      "a plan that is not there",
      (p) => ["plan", "validate", join(p.folder, "nowhere.yaml")],
      2,
      /cannot be read/,
    ],
    ["no key for the api runner", (p) => ["run", "x", "--repo", p.repo], 4, /ANTHROPIC_API_KEY.*--runner/],
    [
      "a folder that is no repository",
      (p) => ["run", "x", "--repo", p.folder, "--runner", "command:true", "--plan", p.plan(ONE_TASK)],
      4,
      /not in a git repository.*git init/,
    ],
    [
      "a state folder that cannot be made",
      (p) => [
        "run",
        "--repo",
        p.repo,
        "--runner",
        "command:true",
        "--plan",
        p.plan(ONE_TASK),
        "--home",
        "/dev/null/state",
      ],
      4,
      /cannot be written.*--home/,
    ],
    ["an unknown run", (p) => ["resume", "run_nowhere", "--home", p.home], 1, /there is no run run_nowhere/],
  ];
  for (const [what, argv, code, message] of cases) {
    test(`${what}: exit ${code}`, async () => {
      const before = project.git("for-each-ref");
      const ended = await slipwayHere(argv(project));
      expect(ended.err).toHaveLength(1);
      expect(ended.err[0]).toMatch(message);
      expect(ended.code).toBe(code);
      expect(ended.out).toEqual([]);
      expect(project.git("for-each-ref")).toBe(before);
      expect(project.git("status", "--porcelain")).toBe("");
    });
  }

  test("a dirty main worktree: exit 4, the changes are named and untouched", async () => {
    writeFileSync(join(project.repo, "add.js"), "mine\n");
    const ended = await run(ONE_TASK, WORKS);
    expect(ended.code).toBe(4);
    expect(ended.err).toEqual([expect.stringMatching(/uncommitted changes: add\.js \(commit or stash them/)]);
    expect(project.git("diff", "--name-only")).toBe("add.js");
  });

  test("a detached head: exit 4", async () => {
    project.git("checkout", "-q", "--detach");
    const ended = await run(ONE_TASK, WORKS);
    expect(ended.code).toBe(4);
    expect(ended.err.join()).toMatch(/on no branch/);
  });

  test("an agent may not take the isolation away", async () => {
    const ended = await slipwayHere(
      [
        "run",
        "--plan",
        project.plan(ONE_TASK),
        "--repo",
        project.repo,
        "--runner",
        "command:true",
        "--allow-unisolated",
      ],
      { env: { CLAUDECODE: "1" } },
    );
    expect(ended.code).toBe(4);
    expect(ended.err.join()).toMatch(/an agent may not/);
  });
});
