import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sampleProject, TWO_TASKS, WORKS, type SampleProject } from "../support/sample-project.ts";
import { requirement } from "../support/skip.ts";
import { slipwayHere } from "../support/slipway-here.ts";

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

/** Starts a run that stops for a person, and returns the approval that each task waits for. */
async function waitingRun(): Promise<ReadonlyMap<string, string>> {
  const started = await slipwayHere([...project.run(TWO_TASKS, WORKS), "--autonomy", "1"]);
  expect(started.code, started.err.join("\n")).toBe(3);
  const requested = started.out
    .map((line): { type: string; data: { task?: string; approval_id?: string } } => JSON.parse(line))
    .filter((event) => event.type === "approval.requested");
  return new Map(requested.map(({ data }) => [data.task ?? "", data.approval_id ?? ""]));
}

/** Answers at a terminal of its own, typing the digest that the terminal shows. */
async function answerAtTerminal(verb: "approve" | "deny", approval: string): Promise<number | null> {
  const listed = await slipwayHere(["approvals", "--json", "--home", project.home]);
  const digests = new Map(
    listed.out
      .map((line): { approval_id: string; digest: string } => JSON.parse(line))
      .map(({ approval_id, digest }) => [approval_id, digest]),
  );
  const prefix = digests.get(approval)?.slice(0, 8) ?? "";
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
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE, TERM: "dumb" };
}

test.skipIf(terminal.skip)(
  `autonomy 1: a person answers at a terminal; what was approved lands, what was denied is rejected ${terminal.label}`,
  async () => {
    const approvals = await waitingRun();
    const [add, mul] = [approvals.get("add") ?? "", approvals.get("mul") ?? ""];
    expect(await answerAtTerminal("approve", add)).toBe(0);
    expect(await answerAtTerminal("deny", mul)).toBe(0);
    const resumed = await slipwayHere(["resume", "--home", project.home, "--json"]);
    expect(JSON.parse(resumed.out.at(-1) ?? "{}"), resumed.err.join("\n")).toMatchObject({
      status: "rejected",
      tasks: [
        { ref: "add", status: "merged" },
        { ref: "mul", status: "rejected" },
      ],
    });
    expect(resumed.code).toBe(6);
    expect(project.git("log", "--merges", "--format=%s", "main")).toBe("Fix add");
  },
);
