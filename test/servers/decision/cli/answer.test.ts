import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answerCommand } from "../../../../servers/decision/cli/answer.ts";
import { answered, type Approval } from "../../../../servers/decision/domain/approval.ts";
import { requirement } from "../../../support/skip.ts";
import { openForTest, type OpenDecision } from "../open.ts";

// Of util-linux: runs a program in a terminal of its own.
const SCRIPT = "script";
const script = requirement(
  "script",
  spawnSync(SCRIPT, ["--version"]).status === 0,
  "util-linux makes the pseudo-terminal of these tests",
);
const PROGRAM = join(import.meta.dirname, "../../../../bin/main.ts");
const HOUR = 3_600_000;

let server: OpenDecision;
beforeEach(async () => {
  server = await openForTest();
});
afterEach(() => server.close());

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in a session of its own, with nothing inherited that would make it refuse. */
function run(
  command: string,
  argv: readonly string[],
  input: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, argv, {
      detached: true,
      env: { PATH: process.env["PATH"] ?? "", HOME: server.home, ...env },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    child.stdin.end(input);
  });
}

const quoted = (words: readonly string[]): string =>
  words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");

/** A person: `script` gives the program a terminal of its own and types `typed` into it. */
function atTerminal(
  argv: readonly string[],
  typed: string,
  env: Readonly<Record<string, string>> = {},
  before: readonly string[] = [],
): Promise<Ran> {
  const command = quoted([...before, process.execPath, PROGRAM, ...argv, "--home", server.home]);
  return run(SCRIPT, ["-qec", command, "/dev/null"], typed, env);
}

const withoutTerminal = (argv: readonly string[], input = ""): Promise<Ran> =>
  run(process.execPath, [PROGRAM, ...argv, "--home", server.home], input);

async function ask(subject = "the subject"): Promise<Approval> {
  const decision = await server.must("decide", {
    action: "deploy",
    facts: { coverage: 0.9, complexity: 0.3 },
    confidence: 0.9,
    critical: true,
    subject,
  });
  const approval = await server.store.read((tx) => tx.findApproval(String(decision["approval_id"])));
  if (approval === undefined) throw new Error("no approval was opened");
  return approval;
}

const statusOf = async (id: string): Promise<Record<string, unknown>> =>
  server.must("get_approval", { approval_id: id });

test.skipIf(script.skip)(
  `a person at a terminal approves by typing the start of the digest${script.label}`,
  async () => {
    const approval = await ask("evil\u001b[2Jsubject");
    const ran = await atTerminal(["approve", approval.id], `${approval.digest.slice(0, 8)}\n`);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain("action     deploy");
    expect(ran.stdout).toContain("subject    evilsubject");
    expect(ran.stdout).not.toContain("\u001b[2J");
    expect(ran.stdout).toContain("because    the change is marked critical");
    expect(ran.stdout).toContain(approval.digest);
    expect(await statusOf(approval.id)).toMatchObject({
      status: "approved",
      channel: "terminal",
      who: expect.stringMatching(/^user:\w+/),
    });
    const events = await server.store.events({ after: 0, limit: 10, types: ["approval.answered"] });
    expect(events).toMatchObject([
      {
        subject: approval.id,
        principal: expect.stringMatching(/^user:/),
        data: { status: "approved", channel: "terminal" },
      },
    ]);
  },
);

test.skipIf(script.skip)(`a person denies the same way${script.label}`, async () => {
  const approval = await ask();
  expect((await atTerminal(["deny", approval.id], `${approval.digest.slice(0, 8)}\n`)).code).toBe(0);
  expect(await statusOf(approval.id)).toMatchObject({ status: "denied" });
});

test.skipIf(script.skip).each([
  ["a wrong prefix", "00000000\n"],
  ["a longer prefix", "LONGER"],
  ["an empty line", "\n"],
  ["a person who leaves", ""],
])(`%s changes nothing${script.label}`, async (_what, typed) => {
  const approval = await ask();
  const ran = await atTerminal(
    ["approve", approval.id],
    typed === "LONGER" ? `${approval.digest.slice(0, 9)}\n` : typed,
  );
  expect(ran.code).toBe(1);
  expect(ran.stdout).toContain("nothing was changed");
  expect(await statusOf(approval.id)).toMatchObject({ status: "pending" });
});

test.skipIf(script.skip)(`an approval is answered once${script.label}`, async () => {
  const approval = await ask();
  const typed = `${approval.digest.slice(0, 8)}\n`;
  expect((await atTerminal(["approve", approval.id], typed)).code).toBe(0);
  const again = await atTerminal(["deny", approval.id], "");
  expect(again.code).toBe(1);
  expect(again.stdout).toMatch(/already approved by user:/);
  expect(await statusOf(approval.id)).toMatchObject({ status: "approved" });
});

test.skipIf(script.skip)(`an expired approval can no longer be answered${script.label}`, async () => {
  server.pass(-25 * HOUR);
  const approval = await ask();
  server.pass(25 * HOUR);
  const ran = await atTerminal(["approve", approval.id], "");
  expect(ran.code).toBe(1);
  expect(ran.stdout).toMatch(/expired at/);
  expect(await statusOf(approval.id)).toMatchObject({ status: "expired" });
});

test.skipIf(script.skip)(
  `an unknown approval, and none at all, get one clear line${script.label}`,
  async () => {
    await ask();
    expect(await atTerminal(["approve", "apr_none"], "")).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("there is no approval apr_none"),
    });
    expect(await atTerminal(["approve"], "")).toMatchObject({
      code: 2,
      stdout: expect.stringContaining("needs an approval id"),
    });
    expect(await atTerminal(["approve", "a", "b"], "")).toMatchObject({ code: 2 });
  },
);

test.skipIf(script.skip)(
  `refuses what is piped in, in a person's own terminal too${script.label}`,
  async () => {
    const approval = await ask();
    const program = quoted([process.execPath, PROGRAM, "approve", approval.id, "--home", server.home]);
    const ran = await run(
      "script",
      ["-qec", `echo ${approval.digest.slice(0, 8)} | ${program}`, "/dev/null"],
      "",
    );
    expect(ran.code).toBe(4);
    expect(ran.stdout).toContain("standard input is not a terminal");
    expect(await statusOf(approval.id)).toMatchObject({ status: "pending" });
  },
);

test("of two people who answer at once the first one counts", async () => {
  const approval = await ask();
  const said: string[] = [];
  const approveSlowly = answerCommand("approved", () => ({
    user: "slow",
    say: () => undefined,
    async ask() {
      await server.store.write({ principal: { id: "user:quick" }, once: undefined }, (tx) =>
        tx.saveApproval(answered(approval, "denied", "user:quick", "terminal", server.now())),
      );
      return approval.digest.slice(0, 8);
    },
    close: () => undefined,
  }));
  const code = await approveSlowly([approval.id, "--home", server.home], {
    out: (line) => void said.push(line),
    err: (line) => void said.push(line),
    env: {},
    cwd: server.home,
    terminal: undefined,
    signal: new AbortController().signal,
  });
  expect(code).toBe(1);
  expect(said.join()).toContain("already denied by user:quick");
  expect(await statusOf(approval.id)).toMatchObject({ status: "denied", who: "user:quick" });
});

const REFUSED: readonly (readonly [
  env: Readonly<Record<string, string>>,
  before: readonly string[],
  reason: string,
])[] = [
  [{ CLAUDECODE: "1" }, [], "an agent's shell (CLAUDECODE is set)"],
  [{ GEMINI_CLI: "1" }, [], "an agent's shell (GEMINI_CLI is set)"],
  [{ SLIPWAY_JOB: "/job.json" }, [], "an agent's shell (SLIPWAY_JOB is set)"],
  [{ CI: "true" }, [], "a CI run (CI is set)"],
  [{}, ["setsid", "--wait"], "no controlling terminal"],
];

test.skipIf(script.skip)(
  `refuses agents, CI and a terminal that is not its own, even with the right digest${script.label}`,
  async () => {
    const approval = await ask();
    // All at once: `script` waits two seconds for a program that leaves its input unread.
    await Promise.all(
      REFUSED.map(async ([env, before, reason]) => {
        const ran = await atTerminal(
          ["approve", approval.id],
          `${approval.digest.slice(0, 8)}\n`,
          env,
          before,
        );
        expect(ran.stdout).toContain(reason);
        expect(ran.code).toBe(4);
      }),
    );
    expect(await statusOf(approval.id)).toMatchObject({ status: "pending" });
  },
);

test("refuses a pipe, even with the right digest, in one line", async () => {
  const approval = await ask();
  for (const verb of ["approve", "deny"]) {
    const ran = await withoutTerminal([verb, approval.id], `${approval.digest.slice(0, 8)}\n`);
    expect(ran).toMatchObject({ code: 4, stdout: "" });
    expect(ran.stderr.trim().split("\n")).toEqual([
      expect.stringContaining("only a person at a terminal can answer"),
    ]);
  }
  expect(await statusOf(approval.id)).toMatchObject({ status: "pending" });
});

test("who asked does not answer, and every attempt that was refused is on record", async () => {
  const approval = await ask();
  const at = (user: string, typed: string) =>
    answerCommand("approved", () => ({
      user,
      say: () => undefined,
      ask: async () => typed,
      close: () => undefined,
    }))([approval.id, "--home", server.home], {
      out: () => undefined,
      err: () => undefined,
      env: {},
      cwd: server.home,
      terminal: undefined,
      signal: new AbortController().signal,
    });
  const other = await ask("another digest");
  expect(await at("ann", other.digest.slice(0, 8))).toBe(1);
  await server.store.write({ principal: { id: "user:ann" }, once: undefined }, (tx) =>
    tx.addApproval({ ...approval, id: "apr_own", requestedBy: "user:ann" }),
  );
  const own = answerCommand("approved", () => ({
    user: "ann",
    say: () => undefined,
    ask: async () => approval.digest.slice(0, 8),
    close: () => undefined,
  }));
  const io = {
    out: () => undefined,
    err: () => undefined,
    env: {},
    cwd: server.home,
    terminal: undefined,
    signal: new AbortController().signal,
  };
  expect(await own(["apr_own", "--home", server.home], io)).toBe(4);
  expect((await withoutTerminal(["approve", approval.id])).code).toBe(4);
  const denied = await server.store.events({ after: 0, limit: 99, types: ["access.denied"] });
  expect(denied).toMatchObject([
    { subject: approval.id, principal: "user:ann", data: { what: "approve", code: "conflict" } },
    { subject: "apr_own", principal: "user:ann", data: { what: "approve", code: "denied" } },
    { subject: approval.id, principal: "local", data: { what: "approve", code: "denied" } },
  ]);
  expect(await statusOf(approval.id)).toMatchObject({ status: "pending" });
  expect(await statusOf("apr_own")).toMatchObject({ status: "pending" });
});

test("lists what waits, in words and as one object per line, and makes no state folder by looking", async () => {
  const approval = await ask("line\nbreak");
  const closed = await ask("closed");
  await server.store.write({ principal: { id: "user:ann" }, once: undefined }, (tx) =>
    tx.saveApproval({ ...closed, status: "denied" }),
  );
  const words = await withoutTerminal(["approvals"]);
  expect(words).toMatchObject({ code: 0, stderr: "" });
  expect(words.stdout.trim().split("\n")).toEqual([
    expect.stringMatching(new RegExp(`^${approval.id}  deploy  line break  asked`)),
  ]);
  const json: unknown = JSON.parse((await withoutTerminal(["approvals", "--json"])).stdout);
  expect(json).toMatchObject({ approval_id: approval.id, action: "deploy", digest: approval.digest });
  expect(
    await run(process.execPath, [PROGRAM, "approvals", "--home", join(server.home, "none")], ""),
  ).toMatchObject({
    code: 0,
    stdout: "",
    stderr: "nothing waits for approval\n",
  });
  expect(await withoutTerminal(["approvals", "--jsn"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("did you mean --json?"),
  });
});
