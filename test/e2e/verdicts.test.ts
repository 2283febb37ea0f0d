import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { slipwayHere } from "../support/slipway-here.ts";
import { slipway, type Ended } from "../support/slipway-process.ts";

interface Finished {
  readonly type: string;
  readonly status: string;
  readonly tasks: { readonly ref: string; readonly status: string; readonly reasons: readonly string[] }[];
}
const last = (ended: Ended): Finished => JSON.parse(ended.out.at(-1) ?? "{}");

const FIX = "sed -i 's/a - b/a + b/' add.js";
const COMMIT = "git -c user.name=w -c user.email=w@localhost commit -q";

/** A task whose acceptance passes once add.js is right. */
const task = (ref: string, more: object = {}): object => ({
  ref,
  title: `Fix ${ref}`,
  max_attempts: 1,
  acceptance: [{ tests: "grep -q 'a + b' add.js", must_fail_before: true, protect: ["./*.test.js"] }],
  ...more,
});

/** What a program does for each task of a plan, by the task's ref. */
const byRef = (scripts: readonly (readonly [string, string])[]): string =>
  `case "$REF" in\n${scripts.map(([ref, script]) => `${ref}) ${script} ;;`).join("\n")}\nesac`;

interface Evasion {
  readonly ref: string;
  readonly what: string;
  readonly script: string;
  readonly reason: RegExp;
  readonly more?: object;
}

const EVASIONS: readonly Evasion[] = [
  {
    ref: "edit",
    what: "changes a protected test",
    script: "echo 'import \"node:test\";' > add.test.js",
    reason: /^add\.test\.js is protected by the acceptance of this task$/,
  },
  {
    ref: "delete",
    what: "deletes a protected test that the plan names with ./",
    script: `${FIX}; rm add.test.js`,
    reason: /add\.test\.js is protected/,
  },
  {
    ref: "move",
    what: "moves a protected test away",
    script: `${FIX}; git mv add.test.js elsewhere.js`,
    reason: /add\.test\.js is protected/,
  },
  {
    ref: "link",
    what: "puts a link in a protected test's place",
    script: `${FIX}; ln -sf mul.test.js add.test.js`,
    reason: /add\.test\.js is protected/,
  },
  {
    ref: "mode",
    what: "changes only the mode of a protected test",
    script: `${FIX}; chmod +x add.test.js`,
    reason: /add\.test\.js is protected/,
  },
  {
    ref: "side",
    what: "commits a changed test on another line of history and merges it in",
    script: `${FIX}; git checkout -q -b side; echo x > add.test.js; ${COMMIT} -am side; git checkout -q -; git merge -q side`,
    reason: /add\.test\.js is protected/,
  },
  {
    ref: "tool",
    what: "brings a program that the acceptance would find first",
    script: `${FIX}; mkdir -p node_modules/.bin; echo 'exit 0' > node_modules/.bin/tap; git add -f node_modules; ${COMMIT} -m tools`,
    reason: /node_modules\/\.bin\/tap decides what the acceptance runs/,
  },
  {
    ref: "script",
    what: "changes the script that the acceptance runs",
    script: `echo '{"type":"module","scripts":{"test":"true"}}' > package.json`,
    reason: /the script "test" of package\.json is run by the acceptance/,
    more: { acceptance: [{ run: "npm test" }] },
  },
  {
    ref: "older",
    what: "builds on an older commit, which takes back what landed since",
    script: `git reset -q --hard HEAD~1; ${FIX}; ${COMMIT} -am older`,
    reason: /does not build on/,
  },
  {
    ref: "red",
    what: "leaves the acceptance red",
    script: "sed -i 's/a - b/a * b/' add.js",
    reason: /exited 1/,
  },
  { ref: "nothing", what: "does nothing", script: "true", reason: /^nothing was changed$/ },
  {
    ref: "green",
    what: "is to turn green what is green already",
    script: "echo x > x",
    reason: /^true passes before the work, so it proves nothing$/,
    more: { acceptance: [{ tests: "true", must_fail_before: true }] },
  },
];

describe("an implementer that", () => {
  let project: SampleProject;
  let before: string;
  let ended: Ended;
  beforeAll(async () => {
    project = sampleProject();
    project.git("commit", "-q", "--allow-empty", "-m", "second");
    before = project.git("rev-parse", "main");
    ended = await slipway(
      project.run(
        { tasks: EVASIONS.map(({ ref, more }) => task(ref, more)) },
        byRef(EVASIONS.map(({ ref, script }) => [ref, script])),
      ),
    );
  });
  afterAll(() => project.remove());

  test.each(EVASIONS)("$what is rejected", ({ ref, reason }) => {
    expect(
      last(ended).tasks.find((one) => one.ref === ref),
      ended.err.join("\n"),
    ).toMatchObject({
      status: "rejected",
      reasons: expect.arrayContaining([expect.stringMatching(reason)]),
    });
  });

  test("has its task rejected does not move main, and the run ends with exit 6", () => {
    expect(last(ended)).toMatchObject({ type: "run.finished", status: "rejected" });
    expect(ended.code).toBe(6);
    expect(project.git("rev-parse", "main")).toBe(before);
    expect(project.git("status", "--porcelain")).toBe("");
  });
});

describe("a run of its own", () => {
  let project: SampleProject;
  beforeEach(() => {
    project = sampleProject();
  });
  afterEach(() => project.remove());

  test("an implementer that puts its own work on main is told on, not counted as merged", async () => {
    const ended = await slipwayHere(
      project.run(
        { tasks: [task("add")] },
        `${FIX}; ${COMMIT} -am mine; git update-ref refs/heads/main HEAD`,
      ),
    );
    expect(last(ended)).toMatchObject({
      status: "rejected",
      tasks: [{ reasons: [expect.stringMatching(/on main already, before it was judged/)] }],
    });
  });

  test("a requirement that nothing merged serves ends the run and its report with exit 1", async () => {
    const ended = await slipwayHere(
      project.run(
        {
          requirements: [
            { id: "R1", text: "add adds" },
            { id: "R2", text: "add is documented" },
          ],
          tasks: [task("add", { requirements: ["R1"] })],
        },
        FIX,
      ),
    );
    expect(last(ended)).toMatchObject({
      status: "failed",
      tasks: [{ status: "merged" }],
      reasons: ["no merged and proven task serves R2: add is documented"],
    });
    expect(ended.code).toBe(1);
    const page = await slipwayHere(["report", "--md", "--home", project.home]);
    expect(page.code).toBe(1);
    expect(page.out.join("\n")).toMatch(
      /\| R1 \| add adds \| add \| yes \|\n\| R2 \| add is documented \| none \| \*\*no\*\* \|/,
    );
    const json = await slipwayHere(["report", "--json", "--home", project.home]);
    expect(JSON.parse(json.out.join(""))).toMatchObject({
      status: "failed",
      requirements: [{ covered: true }, { covered: false }],
      tasks: [
        {
          requirements: ["R1"],
          tests: [{ command: "grep -q 'a + b' add.js", exit_code: 0 }],
          commit: project.git("rev-parse", "main"),
        },
      ],
    });
  });

  test("what is odd and right lands: bytes as they were made, traces of tests left out, the longest name", async () => {
    const longest = `add${"-x".repeat(28)}`;
    const odd = `printf 'a\\r\\nb\\r\\n' > crlf.txt; printf '\\000\\001\\377' > bytes.bin; ln -s add.js link.js; echo 'true' > tool.sh; chmod +x tool.sh; echo x > 'a b ü.txt'`;
    const traces = "echo trace > coverage.txt; grep -q 'a [*] b' mul.js";
    const ended = await slipwayHere(
      project.run(
        {
          tasks: [
            task(longest),
            task("traces", { acceptance: [{ tests: traces, must_fail_before: true }] }),
            task("odd", { acceptance: [{ run: "test -x tool.sh" }] }),
          ],
        },
        byRef([
          [longest, FIX],
          ["traces", "sed -i 's/a + b/a * b/' mul.js; echo kept > kept.txt"],
          ["odd", odd],
        ]),
      ),
    );
    expect(last(ended), ended.err.join("\n")).toMatchObject({ status: "done" });
    const names = execFileSync("git", ["-C", project.repo, "ls-tree", "-z", "--name-only", "main"], {
      encoding: "utf8",
    });
    expect(names.split("\0").filter((name) => name !== "")).toEqual(
      expect.arrayContaining(["kept.txt", "a b ü.txt"]),
    );
    expect(names).not.toContain("coverage.txt");
    const show = (path: string): Buffer => execFileSync("git", ["-C", project.repo, "show", `main:${path}`]);
    expect(show("crlf.txt").toString()).toBe("a\r\nb\r\n");
    expect([...show("bytes.bin")]).toEqual([0, 1, 255]);
    expect(project.git("ls-tree", "main", "link.js", "tool.sh")).toMatch(/^120000.*\n100755/);
    expect(readFileSync(join(project.repo, "a b ü.txt"), "utf8")).toBe("x\n");
  });

  test("what fails is tried again with the reason, then the run has failed, and main stays", async () => {
    const before = project.git("rev-parse", "main");
    const twice = { max_attempts: 2 };
    const ended = await slipwayHere(
      project.run(
        { tasks: [task("exit", twice), task("break", twice), task("bytes", twice)] },
        byRef([
          ["exit", "exit 7"],
          // Names that cannot be shown, or are no UTF-8.
          ["break", `${FIX}; touch "$(printf 'xa\\nby')"`],
          ["bytes", `${FIX}; touch "$(printf 'x\\377y')"`],
        ]),
      ),
    );
    const { status, tasks } = last(ended);
    expect(status).toBe("failed");
    const reasons = new Map(tasks.map((one) => [one.ref, one.reasons]));
    expect(reasons.get("exit")).toEqual([expect.stringContaining("exited with 7")]);
    for (const ref of ["break", "bytes"])
      expect(reasons.get(ref)).toEqual([expect.any(String), expect.any(String)]);
    expect(ended.code).toBe(1);
    const attempts = ended.out
      .map((line): { type: string; data: { task?: string } } => JSON.parse(line))
      .filter(({ type, data }) => type === "attempt.started" && data.task === "exit");
    expect(attempts).toHaveLength(2);
    expect(project.git("rev-parse", "main")).toBe(before);
  });

  test("what waits for a person lands nothing: the critical, its dependents, its files, what CI would run", async () => {
    const before = project.git("rev-parse", "main");
    const paths = ["add.js"];
    const ended = await slipwayHere(
      project.run(
        {
          tasks: [
            task("add", { critical: true, paths, priority: 9 }),
            task("more", { paths, acceptance: [{ run: "true" }] }),
            task("after", { depends_on: ["add"] }),
            task("ci", { acceptance: [{ run: "true" }] }),
          ],
        },
        byRef([
          ["add", FIX],
          ["ci", "mkdir -p .github/workflows; echo 'on: push' > .github/workflows/ci.yml"],
        ]),
      ),
    );
    const { status, tasks } = last(ended);
    expect(status).toBe("waiting");
    expect(tasks.map((one) => `${one.ref} ${one.status}`)).toEqual([
      "add waiting",
      "more waiting",
      "after waiting",
      "ci waiting",
    ]);
    expect(tasks[0]?.reasons).toEqual([expect.stringMatching(/^slipway approve apr_/)]);
    expect(ended.out.filter((line) => line.includes("approval.requested")).join("\n")).toContain(
      "continuous integration runs it",
    );
    expect(ended.code).toBe(3);
    const again = await slipwayHere(["resume", "--home", project.home, "--json"]);
    expect(again.code).toBe(3);
    expect(again.out.join("\n")).not.toContain("attempt.started");
    expect(project.git("rev-parse", "main")).toBe(before);
  });
});
