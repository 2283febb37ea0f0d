import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ONE_TASK, sampleProject, WORKS, type SampleProject } from "../support/sample-project.ts";
import { requirement } from "../support/skip.ts";
import { slipwayHere } from "../support/slipway-here.ts";
import { NO_DOCKER, slipway, type Ended } from "../support/slipway-process.ts";

const ENTRY = fileURLToPath(new URL("../../bin/main.ts", import.meta.url));
const terminal = requirement(
  "a pseudo-terminal",
  existsSync("/usr/bin/script"),
  "script(1) of util-linux is not installed",
);

const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;

let project: SampleProject;
beforeEach(() => {
  project = sampleProject();
});
afterEach(() => project.remove());

const last = (ended: Ended): { type: string; status: string } => JSON.parse(ended.out.at(-1) ?? "{}");
const common = (repo: string): string[] => [
  "run",
  "--plan",
  project.plan(ONE_TASK),
  "--repo",
  repo,
  "--runner",
  project.runner(WORKS),
  "--in-process",
  "--allow-unisolated",
  "--json",
];

test("a folder in a linked worktree of a repository whose path has spaces and letters of many scripts", async () => {
  const strange = join(project.folder, "dé pôt ✓ 仓库");
  renameSync(project.repo, strange);
  const linked = join(project.folder, "ge linkt");
  execFileSync("git", ["-C", strange, "worktree", "add", "-q", "-b", "other", linked]);
  mkdirSync(join(linked, "deep er"));
  const ended = await slipwayHere([
    ...common(join(linked, "deep er")),
    "--home",
    join(project.folder, "stäte folder"),
  ]);
  expect(last(ended), ended.err.join("\n")).toMatchObject({ type: "run.finished", status: "done" });
  // The worktree stands for its main one, where the work lands.
  const log = execFileSync("git", ["-C", strange, "log", "--merges", "--format=%s", "main"], {
    encoding: "utf8",
  });
  expect(log.trim()).toBe("Fix add");
});

test("servers as processes and the state folder where it is by default: the repository stays clean", async () => {
  const state = join(project.folder, "user-state");
  const argv = common(project.repo).filter((word) => word !== "--in-process");
  const ended = await slipway(argv, { env: { XDG_STATE_HOME: state } });
  expect(last(ended), ended.err.join("\n")).toMatchObject({ status: "done" });
  expect(project.git("status", "--porcelain", "--ignored")).toMatch(/^(!! \.slipway\/)?$/);
  expect(project.git("worktree", "list").split("\n")).toHaveLength(1);
  const left = existsSync(state)
    ? readdirSync(state, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    : [];
  expect(left).toEqual([]);
});

const refused: readonly (readonly [string, () => string, RegExp])[] = [
  [
    "a repository without a commit",
    () => {
      spawnSync("git", ["init", "-q", "-b", "trunk", join(project.folder, "unborn")]);
      return join(project.folder, "unborn");
    },
    /the branch trunk of .* has no commit yet.*commit something first/,
  ],
  [
    "a bare repository",
    () => {
      spawnSync("git", ["clone", "-q", "--bare", project.repo, join(project.folder, "bare.git")]);
      return join(project.folder, "bare.git");
    },
    /not in a git repository/,
  ],
];
test.each(refused)("%s: one line, exit 4, nothing made", async (_what, repo, message) => {
  const ended = await slipwayHere([...common(repo()), "--home", project.home]);
  expect(ended.err).toEqual([expect.stringMatching(message)]);
  expect(ended.code).toBe(4);
  expect(ended.out).toEqual([]);
});

test("a server that does not start ends a new run, on stdout too, and leaves none to resume", async () => {
  mkdirSync(project.home, { recursive: true });
  writeFileSync(join(project.home, "tasks.db"), "this is no database, and never was one\n".repeat(200));
  const ended = await slipway([
    ...common(project.repo).filter((word) => word !== "--in-process"),
    "--home",
    project.home,
  ]);
  expect(last(ended)).toMatchObject({ type: "run.finished", status: "failed" });
  expect(ended.code).toBe(4);
  expect(ended.err.filter((line) => line.startsWith("slipway: "))).toEqual([expect.stringMatching(/tasks/)]);
  expect((await slipway(["resume", "--home", project.home])).err.join()).toMatch(/has finished/);
});

test("a run whose repository is gone says so, and can be resumed once it is back", async () => {
  const waiting = await slipwayHere([...common(project.repo), "--home", project.home, "--autonomy", "1"]);
  expect(waiting.code).toBe(3);
  renameSync(project.repo, `${project.repo}-moved`);
  const gone = await slipwayHere(["resume", "--home", project.home, "--json"]);
  expect(gone.code).toBe(4);
  expect(gone.err).toEqual([expect.stringMatching(/no longer at .*repo.*put it back/)]);
  renameSync(`${project.repo}-moved`, project.repo);
  expect((await slipwayHere(["resume", "--home", project.home, "--json"])).code).toBe(3);
});

test("Ctrl-C reaches the servers too: the run still ends in order, and resume finishes it", async () => {
  const argv = [...common(project.repo).filter((word) => word !== "--in-process"), "--home", project.home];
  const ended = await new Promise<{ code: number | null; out: string }>((resolve) => {
    const child = spawn(process.execPath, [ENTRY, ...argv], {
      env: { ...NO_DOCKER, PATH, HOME, NODE_COMPILE_CACHE },
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    let out = "";
    let isSent = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      if (isSent || !out.includes('"gate":"tampering"') || child.pid === undefined) return;
      isSent = true;
      // As a terminal does it: to the whole group.
      process.kill(-child.pid, "SIGINT");
    });
    child.once("close", (code) => resolve({ code, out }));
  });
  expect(ended.code).toBe(130);
  const resumed = await slipway(["resume", "--home", project.home, "--json"]);
  expect(last(resumed), resumed.err.join("\n")).toMatchObject({ status: "done" });
  expect(project.git("log", "--merges", "--format=%s", "main")).toBe("Fix add");
  const { type } = JSON.parse(ended.out.trimEnd().split("\n").at(-1) ?? "{}");
  expect(type).toBe("run.paused");
});

test.skipIf(terminal.skip)(
  `on a terminal the tasks are drawn in place, without colour where NO_COLOR asks for none ${terminal.label}`,
  () => {
    const argv = [...common(project.repo).filter((word) => word !== "--json"), "--home", project.home]
      .map((word) => `'${word}'`)
      .join(" ");
    const shown = spawnSync(
      "script",
      ["-qec", `stty rows 20 cols 60; ${process.execPath} ${ENTRY} ${argv}`, "/dev/null"],
      {
        encoding: "utf8",
        input: "",
        env: { ...NO_DOCKER, PATH, HOME, NODE_COMPILE_CACHE, TERM: "xterm", NO_COLOR: "1" },
      },
    );
    expect(shown.status, shown.stdout).toBe(0);
    expect(shown.stdout).not.toMatch(/\u001b\[\d+m/);
    expect(shown.stdout).toMatch(/\u001b\[\d+A\r\u001b\[J/);
    const pictures = shown.stdout.split(/\u001b\[J/).slice(1, -1);
    for (const line of pictures.flatMap((picture) => picture.replaceAll(/\u001b\[\d+A\r/g, "").split("\n")))
      expect([...line.trimEnd()].length).toBeLessThanOrEqual(60);
    // The last picture stays, and the report follows on a line of its own.
    expect(shown.stdout).toMatch(/✓ add .*\r?\nrun_\w+: done\r?\n/);
  },
);
