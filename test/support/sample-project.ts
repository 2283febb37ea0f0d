import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A small real repository with two mistakes, and a folder beside it for plans and programs. */
export interface SampleProject {
  readonly folder: string;
  readonly repo: string;
  readonly home: string;
  git(...args: string[]): string;
  /** Writes a plan and returns its path. */
  plan(plan: object): string;
  /** Writes an executable sh script that plays the implementer, and returns the `--runner` for it. */
  runner(script: string): string;
  /** The words of a `slipway run` of that plan by that script: servers in this process, nothing isolated, events out. */
  run(plan: object, script: string, places?: { readonly repo?: string; readonly home?: string }): string[];
  remove(): void;
}

const FILES: Readonly<Record<string, string>> = {
  "package.json": '{"type":"module"}\n',
  "add.js": "export const add = (a, b) => a - b;\n",
  "mul.js": "export const mul = (a, b) => a + b;\n",
  "add.test.js":
    'import test from "node:test"; import assert from "node:assert"; import { add } from "./add.js";\ntest("add", () => assert.equal(add(1, 2), 3));\n',
  "mul.test.js":
    'import test from "node:test"; import assert from "node:assert"; import { mul } from "./mul.js";\ntest("mul", () => assert.equal(mul(2, 3), 6));\n',
};

export function sampleProject(): SampleProject {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "slipway-project-"));
  const repo = join(folder, "repo");
  mkdirSync(repo);
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(repo, name), text);
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", repo, "-c", "user.name=test", "-c", "user.email=test@localhost", ...args], {
      encoding: "utf8",
    }).trim();
  git("init", "-q", "-b", "main");
  git("add", "-A");
  git("commit", "-qm", "base");
  const home = join(folder, "state");
  const plan = (content: object): string => {
    const file = join(folder, "plan.yaml");
    writeFileSync(file, JSON.stringify(content));
    return file;
  };
  const runner = (script: string): string => {
    const file = join(folder, "work.sh");
    // The job arrives as JSON; REF and ATTEMPT are what these scripts decide by.
    const read = `set -eu\nREF=$(sed -n 's/.*"task_ref":"\\([^"]*\\)".*/\\1/p' "$SLIPWAY_JOB")\nATTEMPT=$(sed -n 's/.*"attempt":\\([0-9]*\\).*/\\1/p' "$SLIPWAY_JOB")\n`;
    writeFileSync(file, `#!/bin/sh\n${read}${script}\n`);
    chmodSync(file, 0o755);
    return `command:${file}`;
  };
  return {
    folder,
    repo,
    home,
    git,
    plan,
    runner,
    run: (content, script, places = {}) => [
      "run",
      ...["--plan", plan(content), "--runner", runner(script)],
      ...["--repo", places.repo ?? repo, "--home", places.home ?? home],
      ...["--in-process", "--allow-unisolated", "--json"],
    ],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const task = (ref: string, file: string): object => ({
  ref,
  title: `Fix ${ref}`,
  paths: [`${file}.js`],
  acceptance: [{ tests: `node --test ${file}.test.js`, must_fail_before: true, protect: ["*.test.js"] }],
});

/** Two repairs that do not need each other, and a task that needs both. */
export const THREE_TASKS = {
  goal: "fix the arithmetic",
  tasks: [
    task("add", "add"),
    task("mul", "mul"),
    {
      ref: "note",
      title: "Add a note",
      depends_on: ["add", "mul"],
      acceptance: [{ run: "node --test && test -f NOTE" }],
    },
  ],
};

export const TWO_TASKS = { tasks: [task("add", "add"), task("mul", "mul")] };

export const ONE_TASK = { tasks: [task("add", "add")] };

/** Does what THREE_TASKS ask for; the note is committed by the program itself. */
export const WORKS = `case "$REF" in
  add) sed -i 's/a - b/a + b/' add.js ;;
  mul) sed -i 's/a + b/a * b/' mul.js ;;
  note) echo done > NOTE; git add NOTE; git -c user.name=w -c user.email=w@localhost commit -qm "my own commit" ;;
esac`;
