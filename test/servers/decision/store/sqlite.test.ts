import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { verifyEvents } from "../../../../kernel/events.ts";
import { idSource } from "../../../../kernel/ids.ts";
import { silentLog } from "../../../../kernel/log.ts";
import { compilePolicy } from "../../../../servers/decision/adapters/cel.ts";
import type { ReadyPolicy } from "../../../../servers/decision/domain/policy.ts";
import { createDecisionServer } from "../../../../servers/decision/server.ts";
import { openDecisionStore } from "../../../../servers/decision/store/sqlite.ts";
import { connect, mustCall } from "../../../support/connect.ts";
import { changesBelow } from "../open.ts";
import { BALANCED, CLASSIC, inForce } from "../policies.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "slipway-decision-store-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Opens a server on the same file; one after the other, since two in one process would wait for each other. */
async function openAnother(policy: ReadyPolicy = BALANCED): Promise<{
  call(tool: string, args: Record<string, unknown>): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}> {
  const store = openDecisionStore(join(home, "decision.db"), Date.now);
  const server = createDecisionServer({
    store,
    changes: changesBelow([], home),
    policies: inForce(policy),
    clock: Date.now,
    newId: idSource(Date.now),
    log: silentLog,
  });
  const { client, close } = await connect(server);
  return {
    call: (tool, args) => mustCall(client, tool, args),
    async close() {
      await close();
      await server.close();
    },
  };
}

const ASK = { action: "deploy", facts: { coverage: 0.9 }, critical: true, subject: "abc" };

test("processes on one file that ask about the same thing at once open one approval between them", async () => {
  const program = fileURLToPath(new URL("./ask.ts", import.meta.url));
  const outputs = await Promise.all(
    Array.from({ length: 3 }, () => promisify(execFile)(process.execPath, [program, home, "10"])),
  );
  const lines = outputs.flatMap(({ stdout }) => stdout.trim().split("\n"));
  expect(lines.length).toBe(30);
  expect(new Set(lines.map((line) => line.split(" ")[0])).size).toBe(30);
  expect(new Set(lines.map((line) => line.split(" ")[1])).size).toBe(1);
});

test("what was decided survives a restart, with an unbroken chain of events", async () => {
  const first = await openAnother();
  const decision = await first.call("decide", ASK);
  await first.close();
  const second = await openAnother();
  expect(await second.call("get_approval", { approval_id: decision["approval_id"] })).toMatchObject({
    status: "pending",
  });
  expect(await second.call("explain_decision", { decision_id: decision["decision_id"] })).toMatchObject({
    verdict: "require_human",
  });
  await second.close();
  const connection = new DatabaseSync(join(home, "decision.db"));
  expect(verifyEvents(connection)).toBeNull();
  connection.close();
});

test("a decision is explained with the policy that made it, not with today's", async () => {
  const args = { action: "merge", facts: { coverage: 0.9, secrets_found: 1 }, confidence: 0.95 };
  const before = await openAnother(CLASSIC);
  const decision = await before.call("decide", args);
  expect(decision["verdict"]).toBe("auto_proceed");
  await before.close();
  const after = await openAnother(BALANCED);
  const today = await after.call("decide", args);
  expect(today["verdict"]).toBe("block");
  expect(today["policy_version"]).not.toBe(decision["policy_version"]);
  expect(await after.call("explain_decision", { decision_id: decision["decision_id"] })).toMatchObject({
    verdict: "auto_proceed",
    alternatives: [],
    // By the policy of then only the risk matters; by today's nothing but the secret would.
    counterfactual: { factor: "confidence", verdict: "proceed_with_monitoring" },
  });
  await after.close();
});

test("an approval under one policy is none under another", async () => {
  const before = await openAnother(CLASSIC);
  const first = await before.call("decide", ASK);
  await before.close();
  const after = await openAnother(BALANCED);
  const second = await after.call("decide", ASK);
  expect(second["approval_id"]).not.toBe(first["approval_id"]);
  await after.close();
});

test("answers stay small where fifty rules with long reasons fire: ten are named, and how many more", async () => {
  const guards = Array.from({ length: 50 }, (_, i) => ({
    ...{ id: `guard_${i}`, when: "risk >= 0", verdict: "request_review" as const },
    because: `${i} ${"because ".repeat(24)}`,
  }));
  const ladder = Array.from({ length: 50 }, (_, i) => ({
    ...{ id: `rung_${i}`, when: "risk < 0", verdict: "auto_proceed" as const, because: "safe" },
  }));
  const otherwise = { id: "otherwise", when: "true", verdict: "request_review", because: "else" } as const;
  const server = await openAnother(compilePolicy({ name: "many", guards, ladder, otherwise }));
  const decision = await server.call("decide", { action: "merge", facts: { coverage: 0.9 } });
  expect(decision).toMatchObject({ verdict: "request_review", more: 41 });
  expect(decision["rules_fired"]).toHaveLength(10);
  expect(JSON.stringify(decision).length).toBeLessThan(4_000);
  const explained = await server.call("explain_decision", { decision_id: decision["decision_id"] });
  expect(explained).toMatchObject({ trace: { more: 41, guards: { length: 10 } } });
  expect(explained["alternatives"]).toHaveLength(10);
  expect(JSON.stringify(explained).length).toBeLessThan(12_000);
  await server.close();
});
