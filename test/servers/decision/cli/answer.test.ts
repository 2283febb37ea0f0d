import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Command } from "../../../../kernel/io.ts";
import { answerCommand, approve } from "../../../../servers/decision/cli/answer.ts";
import { approvals } from "../../../../servers/decision/cli/approvals.ts";
import {
  answered,
  type Approval,
  type ApprovalAnswer,
} from "../../../../servers/decision/domain/approval.ts";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { idSource } from "../../../../kernel/ids.ts";
import { silentLog } from "../../../../kernel/log.ts";
import { serveOverHttp } from "../../../../kernel/mcp/http.ts";
import { createDecisionServer } from "../../../../servers/decision/server.ts";
import { mustCall } from "../../../support/connect.ts";
import { requirement } from "../../../support/skip.ts";
import { openForTest, type OpenDecision } from "../open.ts";
import { BALANCED, inForce } from "../policies.ts";

// Of util-linux: runs a program in a terminal of its own. It waits two seconds for a program that leaves its input
// unread, so what is typed is only what is read.
const SCRIPT = "script";
const script = requirement(
  "script",
  spawnSync(SCRIPT, ["--version"]).status === 0,
  "util-linux makes the pseudo-terminal of these tests",
);
const PROGRAM = join(import.meta.dirname, "../../../../bin/main.ts");
const HOUR = 3_600_000;

// One server for all: each test asks about a subject of its own.
let server: OpenDecision;
beforeAll(async () => {
  server = await openForTest();
});
afterAll(() => server.close());

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in a session of its own, with nothing inherited that would make it refuse. */
function run(command: string, argv: readonly string[], input: string): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, argv, {
      detached: true,
      env: { PATH: process.env["PATH"] ?? "", HOME: server.home },
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
function atTerminal(argv: readonly string[], typed: string, before: readonly string[] = []): Promise<Ran> {
  const command = quoted([...before, process.execPath, PROGRAM, ...argv, "--home", server.home]);
  return run(SCRIPT, ["-qec", command, "/dev/null"], typed);
}

/** The same command in this process. */
async function here(
  command: Command,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await command([...argv, ...(argv.includes("--home") ? [] : ["--home", server.home])], {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    env,
    cwd: server.home,
    terminal: undefined,
    signal: new AbortController().signal,
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

/** A person who types this; null leaves. */
const personTypes = (answer: ApprovalAnswer, typed: string | null, user = "ann"): Command =>
  answerCommand(answer, () => ({
    user,
    say: () => undefined,
    ask: async () => typed,
    close: () => undefined,
  }));

let asked = 0;

async function ask(subject = `subject ${(asked += 1)}`): Promise<Approval> {
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
    const events = await server.store.events({ after: 0, limit: 999, types: ["approval.answered"] });
    expect(events.filter(({ subject }) => subject === approval.id)).toMatchObject([
      { principal: expect.stringMatching(/^user:/), data: { status: "approved", channel: "terminal" } },
    ]);
  },
);

test.skipIf(script.skip)(`a person who leaves the terminal changes nothing${script.label}`, async () => {
  const approval = await ask();
  const ran = await atTerminal(["approve", approval.id], "");
  expect(ran.code).toBe(1);
  expect(ran.stdout).toContain("nothing was changed");
  expect(await statusOf(approval.id)).toMatchObject({ status: "pending" });
});

test("a person denies the same way, and an approval is answered once", async () => {
  const approval = await ask();
  const typed = approval.digest.slice(0, 8);
  expect((await here(personTypes("denied", typed), [approval.id])).code).toBe(0);
  expect(await here(personTypes("approved", typed), [approval.id])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/already denied by user:ann/),
  });
  expect(await statusOf(approval.id)).toMatchObject({ status: "denied", channel: "terminal" });
});

test("a wrong, a longer, an empty and no prefix change nothing", async () => {
  const approval = await ask();
  for (const typed of ["00000000", approval.digest.slice(0, 9), approval.digest, "", null]) {
    expect(await here(personTypes("approved", typed), [approval.id])).toMatchObject({
      code: 1,
      err: expect.stringContaining("nothing was changed"),
    });
  }
  expect(await statusOf(approval.id)).toMatchObject({ status: "pending" });
});

test("an expired approval can no longer be answered", async () => {
  server.pass(-25 * HOUR);
  const approval = await ask();
  server.pass(25 * HOUR);
  expect(await here(personTypes("approved", approval.digest.slice(0, 8)), [approval.id])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/expired at/),
  });
  expect(await statusOf(approval.id)).toMatchObject({ status: "expired" });
});

test("an unknown approval, none at all and two get one clear line", async () => {
  await ask();
  const person = personTypes("approved", "");
  expect(await here(person, ["apr_none"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("there is no approval apr_none"),
  });
  expect(await here(person, [])).toMatchObject({
    code: 2,
    err: expect.stringContaining("needs an approval id"),
  });
  expect(await here(person, ["a", "b"])).toMatchObject({ code: 2 });
});

test.skipIf(script.skip)(
  `refuses what is piped in, in a person's own terminal too${script.label}`,
  async () => {
    const approval = await ask();
    const program = quoted([process.execPath, PROGRAM, "approve", approval.id, "--home", server.home]);
    const ran = await run(
      SCRIPT,
      ["-qec", `echo ${approval.digest.slice(0, 8)} | ${program}`, "/dev/null"],
      "",
    );
    expect(ran.code).toBe(4);
    expect(ran.stdout).toContain("standard input is not a terminal");
    expect(await statusOf(approval.id)).toMatchObject({ status: "pending" });
  },
);

test.skipIf(script.skip)(`refuses a terminal that is not its own${script.label}`, async () => {
  const approval = await ask();
  const ran = await atTerminal(["approve", approval.id], "", ["setsid", "--wait"]);
  expect(ran.code).toBe(4);
  expect(ran.stdout).toContain("no controlling terminal");
  expect(await statusOf(approval.id)).toMatchObject({ status: "pending" });
});

test.each([
  [{ CLAUDECODE: "1" }, "an agent's shell (CLAUDECODE is set)"],
  [{ GEMINI_CLI: "1" }, "an agent's shell (GEMINI_CLI is set)"],
  [{ SLIPWAY_JOB: "/job.json" }, "an agent's shell (SLIPWAY_JOB is set)"],
  [{ CI: "true" }, "a CI run (CI is set)"],
])("refuses the shell of an agent and of CI before it looks for a terminal: %j", async (env, reason) => {
  const approval = await ask();
  expect(await here(approve, [approval.id], env)).toMatchObject({
    code: 4,
    out: "",
    err: expect.stringContaining(reason),
  });
  expect(await statusOf(approval.id)).toMatchObject({ status: "pending" });
});

test("of two people who answer at once the first one counts", async () => {
  const approval = await ask();
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
  expect(await here(approveSlowly, [approval.id])).toMatchObject({
    code: 1,
    err: expect.stringContaining("already denied by user:quick"),
  });
  expect(await statusOf(approval.id)).toMatchObject({ status: "denied", who: "user:quick" });
});

test("who asked does not answer, a pipe is refused in one line, and every such attempt is on record", async () => {
  const approval = await ask();
  const own: Approval = { ...approval, id: "apr_own", requestedBy: "user:ann" };
  const other = await ask("another digest");
  expect((await here(personTypes("approved", other.digest.slice(0, 8)), [approval.id])).code).toBe(1);
  await server.store.write({ principal: { id: "user:ann" }, once: undefined }, (tx) => tx.addApproval(own));
  expect((await here(personTypes("approved", own.digest.slice(0, 8)), [own.id])).code).toBe(4);
  const piped = await run(
    process.execPath,
    [PROGRAM, "approve", approval.id, "--home", server.home],
    `${approval.digest.slice(0, 8)}\n`,
  );
  expect(piped).toMatchObject({ code: 4, stdout: "" });
  expect(piped.stderr.trim().split("\n")).toEqual([
    expect.stringContaining("only a person at a terminal can answer"),
  ]);
  const denied = await server.store.events({ after: 0, limit: 999, types: ["access.denied"] });
  expect(denied.filter(({ subject }) => [approval.id, own.id].includes(subject))).toMatchObject([
    { subject: approval.id, principal: "user:ann", data: { what: "approve", code: "conflict" } },
    { subject: "apr_own", principal: "user:ann", data: { what: "approve", code: "denied" } },
    { subject: approval.id, principal: "local", data: { what: "approve", code: "denied" } },
  ]);
  expect(await statusOf(approval.id)).toMatchObject({ status: "pending" });
  expect(await statusOf(own.id)).toMatchObject({ status: "pending" });
});

test("lists what waits, in words and as one object per line, and makes no state folder by looking", async () => {
  const approval = await ask("line\nbreak");
  const closed = await ask("closed");
  await server.store.write({ principal: { id: "user:ann" }, once: undefined }, (tx) =>
    tx.saveApproval({ ...closed, status: "denied" }),
  );
  const words = await here(approvals, []);
  expect(words).toMatchObject({ code: 0, err: "" });
  const lines = words.out.split("\n");
  expect(lines).toContainEqual(
    expect.stringMatching(new RegExp(`^${approval.id}  deploy  line break  asked`)),
  );
  expect(words.out).not.toContain(closed.id);
  const objects = (await here(approvals, ["--json"])).out
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  expect(objects).toHaveLength(lines.length);
  expect(objects).toContainEqual(
    expect.objectContaining({ approval_id: approval.id, action: "deploy", digest: approval.digest }),
  );
  const none = join(server.home, "none");
  expect(await here(approvals, ["--home", none])).toEqual({
    code: 0,
    out: "",
    err: "nothing waits for approval",
  });
  expect(existsSync(none)).toBe(false);
  expect(await here(approvals, ["--jsn"])).toMatchObject({
    code: 2,
    err: expect.stringContaining("did you mean --json?"),
  });
});

test("whoever asked over HTTP does not answer at a terminal, by the same name", async () => {
  const clock = (): number => Date.now();
  const tools = createDecisionServer({
    store: server.store,
    changes: { read: () => Promise.reject(new Error("no repository is read here")) },
    policies: inForce(BALANCED),
    clock,
    newId: idSource(clock),
    log: silentLog,
  });
  const served = await serveOverHttp(tools, {
    host: "127.0.0.1",
    port: 0,
    tokens: [{ name: "ann", secret: "secret-of-ann" }],
  });
  const client = new Client({ name: "test", version: "1" });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(served.url), {
      requestInit: { headers: { authorization: "Bearer secret-of-ann" } },
    }),
  );
  const { approval_id } = await mustCall(client, "decide", {
    ...{ action: "deploy", facts: { coverage: 0.9 }, critical: true, subject: "over HTTP" },
  });
  await client.close();
  await served.close();
  const id = String(approval_id);
  const approval = await server.store.read((tx) => tx.findApproval(id));
  expect(approval?.requestedBy).toBe("token:ann");
  const start = approval?.digest.slice(0, 8) ?? "";
  expect(await here(personTypes("approved", start), [id])).toMatchObject({
    code: 4,
    err: expect.stringContaining("your own request"),
  });
  expect(await here(personTypes("approved", start, "ben"), [id])).toMatchObject({ code: 0 });
});
