import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ONE_TASK, sampleProject, WORKS, type SampleProject } from "../support/sample-project.ts";
import { requirement } from "../support/skip.ts";
import { slipway } from "../support/slipway-process.ts";

const terminal = requirement(
  "a pseudo-terminal",
  existsSync("/usr/bin/script"),
  "script(1) of util-linux is not installed",
);
const ENTRY = fileURLToPath(new URL("../../bin/main.ts", import.meta.url));

let project: SampleProject;
beforeEach(() => {
  project = sampleProject();
});
afterEach(() => project.remove());

/** Starts a run that stops for a person, and returns the approval it waits for. */
async function waitingRun(...more: string[]): Promise<string> {
  const started = await slipway([...project.run(ONE_TASK, WORKS), ...more]);
  expect(started.code, started.err.join("\n")).toBe(3);
  const requested = started.out
    .map((line): { type: string; data: { approval_id?: string } } => JSON.parse(line))
    .find((event) => event.type === "approval.requested");
  return requested?.data.approval_id ?? "";
}

/** Answers at a terminal of its own, typing the digest that the terminal shows. */
function answerAtTerminal(verb: "approve" | "deny", approval: string): number | null {
  const digest = spawnSync(process.execPath, [ENTRY, "approvals", "--json", "--home", project.home], {
    encoding: "utf8",
    env: clean(),
  }).stdout;
  const prefix = /"digest":"([0-9a-f]{8})/.exec(digest)?.[1] ?? "";
  expect(prefix).not.toBe("");
  const command = `sleep 1; echo ${prefix}`;
  return spawnSync(
    "sh",
    [
      "-c",
      `(${command}) | script -qec "${process.execPath} ${ENTRY} ${verb} ${approval} --home ${project.home}" /dev/null`,
    ],
    { encoding: "utf8", env: clean() },
  ).status;
}

function clean(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], HOME: process.env["HOME"], TERM: "dumb" };
}

test.skipIf(terminal.skip)(
  `autonomy 1: a person approves at a terminal, and resume lands exactly that commit ${terminal.label}`,
  async () => {
    const approval = await waitingRun("--autonomy", "1");
    expect(answerAtTerminal("approve", approval)).toBe(0);
    const resumed = await slipway(["resume", "--home", project.home, "--json"]);
    expect(resumed.code, resumed.err.join("\n")).toBe(0);
    expect(project.git("log", "--merges", "--format=%s", "main")).toBe("Fix add");
  },
);

test.skipIf(terminal.skip)(
  `a denied task is rejected with exit 6, and main stays ${terminal.label}`,
  async () => {
    const before = project.git("rev-parse", "main");
    const approval = await waitingRun("--autonomy", "1");
    expect(answerAtTerminal("deny", approval)).toBe(0);
    const resumed = await slipway(["resume", "--home", project.home, "--json"]);
    expect(project.git("rev-parse", "main")).toBe(before);
    expect(resumed.out.at(-1)).toContain('"status":"rejected"');
    expect(resumed.code).toBe(6);
  },
);
