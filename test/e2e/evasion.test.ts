import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { slipway, type Ended } from "../support/slipway-process.ts";

let project: SampleProject;
beforeEach(() => {
  project = sampleProject();
});
afterEach(() => project.remove());

const run = (plan: object, script: string): Promise<Ended> => slipway(project.run(plan, script));

/** One task whose acceptance passes once add.js is right. */
const task = (more: object = {}): object => ({
  tasks: [
    {
      ref: "add",
      title: "Fix add",
      max_attempts: 1,
      acceptance: [{ tests: "grep -q 'a + b' add.js", must_fail_before: true, protect: ["./*.test.js"] }],
      ...more,
    },
  ],
});
const FIX = "sed -i 's/a - b/a + b/' add.js";
const COMMIT = "git -c user.name=w -c user.email=w@localhost commit -q";

interface Finished {
  readonly type: string;
  readonly status: string;
  readonly tasks: { readonly reasons: readonly string[] }[];
}
const last = (ended: Ended): Finished => JSON.parse(ended.out.at(-1) ?? "{}");

const rejected: readonly (readonly [string, object, string, RegExp])[] = [
  [
    "deletes a protected test that the plan names with ./",
    task(),
    `${FIX}; rm add.test.js`,
    /add\.test\.js is protected/,
  ],
  [
    "moves a protected test away",
    task(),
    `${FIX}; git mv add.test.js elsewhere.js`,
    /add\.test\.js is protected/,
  ],
  [
    "puts a link in a protected test's place",
    task(),
    `${FIX}; ln -sf mul.test.js add.test.js`,
    /add\.test\.js is protected/,
  ],
  [
    "changes only the mode of a protected test",
    task(),
    `${FIX}; chmod +x add.test.js`,
    /add\.test\.js is protected/,
  ],
  [
    "commits a changed test on another line of history and merges it in",
    task(),
    `${FIX}; git checkout -q -b side; echo x > add.test.js; ${COMMIT} -am side; git checkout -q -; git merge -q side`,
    /add\.test\.js is protected/,
  ],
  [
    "brings a program that the acceptance would find first",
    task(),
    `${FIX}; mkdir -p node_modules/.bin; echo 'exit 0' > node_modules/.bin/tap; git add -f node_modules; ${COMMIT} -m tools`,
    /node_modules\/\.bin\/tap decides what the acceptance runs/,
  ],
  [
    "changes the script that the acceptance runs",
    task({ acceptance: [{ run: "npm test" }] }),
    `echo '{"type":"module","scripts":{"test":"true"}}' > package.json`,
    /the script "test" of package\.json is run by the acceptance/,
  ],
  [
    "builds on an older commit, which takes back what landed since",
    task(),
    `git reset -q --hard HEAD~1; ${FIX}; ${COMMIT} -am older`,
    /does not build on/,
  ],
];

test.each(rejected)(
  "an implementer that %s is rejected, and main stays",
  async (_what, plan, script, reason) => {
    project.git("commit", "-q", "--allow-empty", "-m", "second");
    const before = project.git("rev-parse", "main");
    const ended = await run(plan, script);
    expect(last(ended), ended.err.join("\n")).toMatchObject({
      type: "run.finished",
      status: "rejected",
      tasks: [{ reasons: expect.arrayContaining([expect.stringMatching(reason)]) }],
    });
    expect(ended.code).toBe(6);
    expect(project.git("rev-parse", "main")).toBe(before);
    expect(project.git("status", "--porcelain")).toBe("");
  },
);

test("an implementer that puts its own work on main is told on, not counted as merged", async () => {
  const ended = await run(task(), `${FIX}; ${COMMIT} -am mine; git update-ref refs/heads/main HEAD`);
  expect(last(ended)).toMatchObject({
    status: "rejected",
    tasks: [{ reasons: [expect.stringMatching(/on main already, before it was judged/)] }],
  });
});

test("what the tests leave behind when they run before the work is no part of it, and the work is not lost", async () => {
  const command = "echo trace > coverage.txt; grep -q 'a + b' add.js";
  const ended = await run(
    task({ acceptance: [{ tests: command, must_fail_before: true }] }),
    `${FIX}; echo kept > kept.txt`,
  );
  expect(last(ended), ended.err.join("\n")).toMatchObject({ status: "done" });
  expect(project.git("ls-tree", "--name-only", "main").split("\n")).toEqual([
    "add.js",
    "add.test.js",
    "kept.txt",
    "mul.js",
    "mul.test.js",
    "package.json",
  ]);
});

test("links, modes, line ends, binaries and spaces of a change arrive as they were made", async () => {
  const script = `${FIX}; printf 'a\\r\\nb\\r\\n' > crlf.txt; printf '\\000\\001\\377' > bytes.bin; ln -s add.js link.js; echo 'true' > tool.sh; chmod +x tool.sh; echo x > 'a b ü.txt'`;
  const ended = await run(task(), script);
  expect(last(ended), ended.err.join("\n")).toMatchObject({ status: "done" });
  const show = (path: string): Buffer => execFileSync("git", ["-C", project.repo, "show", `main:${path}`]);
  expect(show("crlf.txt").toString()).toBe("a\r\nb\r\n");
  expect([...show("bytes.bin")]).toEqual([0, 1, 255]);
  expect(project.git("ls-tree", "main", "link.js", "tool.sh")).toMatch(/^120000.*\n100755/);
  expect(readFileSync(join(project.repo, "a b ü.txt"), "utf8")).toBe("x\n");
});

test("names that cannot be shown or are no UTF-8 end the attempt with a reason, and main stays", async () => {
  const before = project.git("rev-parse", "main");
  for (const name of ["a\\nb", "\\377"]) {
    const ended = await run(task(), `${FIX}; touch "$(printf 'x${name}y')"`);
    expect(last(ended)).toMatchObject({
      type: "run.finished",
      status: "failed",
      tasks: [{ reasons: [expect.any(String), expect.any(String)] }],
    });
  }
  expect(project.git("rev-parse", "main")).toBe(before);
});

test("a task with the longest name a plan may give runs like any other", async () => {
  expect(last(await run(task({ ref: `add${"-x".repeat(28)}` }), FIX))).toMatchObject({ status: "done" });
});

test("a task behind the files of one that waits for a person waits with it, instead of keeping the run busy", async () => {
  const paths = ["add.js"];
  const ended = await run(
    {
      tasks: [
        {
          ref: "add",
          title: "Fix add",
          critical: true,
          paths,
          priority: 9,
          acceptance: [{ run: "grep -q 'a + b' add.js" }],
        },
        { ref: "more", title: "More of add", paths, acceptance: [{ run: "true" }] },
        { ref: "after", title: "After it", depends_on: ["add"] },
      ],
    },
    FIX,
  );
  expect(last(ended)).toMatchObject({
    status: "waiting",
    tasks: [{ status: "waiting" }, { status: "waiting" }, { status: "waiting" }],
  });
  expect(ended.code).toBe(3);
});
