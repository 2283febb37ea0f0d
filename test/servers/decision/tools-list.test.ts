import { join } from "node:path";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterEach, beforeEach, expect, test } from "vitest";
import { idSource } from "../../../kernel/ids.ts";
import { silentLog } from "../../../kernel/log.ts";
import type { ToolServer } from "../../../kernel/mcp/server.ts";
import { createDecisionServer } from "../../../servers/decision/server.ts";
import { openDecisionStore } from "../../../servers/decision/store/sqlite.ts";
import { connect, connectOld, mustCall } from "../../support/connect.ts";
import { BALANCED, inForce } from "./policies.ts";

let server: ToolServer;
beforeEach(() => {
  server = createDecisionServer({
    store: openDecisionStore(":memory:", Date.now),
    changes: { read: () => Promise.reject(new Error("no repository is read here")) },
    policies: inForce(BALANCED),
    clock: Date.now,
    newId: idSource(Date.now),
    log: silentLog,
  });
});
afterEach(() => server.close());

const ASK = { action: "plan", facts: { coverage: 0.9, complexity: 0.2 }, confidence: 0.95 };

test("the contract is the one on file, within its token budget, and no tool can approve", async () => {
  const { client, close } = await connect(server);
  const listed = await client.listTools();
  await expect(`${JSON.stringify(listed.tools, null, 2)}\n`).toMatchFileSnapshot(
    join(import.meta.dirname, "tools-list.snapshot.json"),
  );
  expect(encode(JSON.stringify(listed)).length).toBeLessThanOrEqual(3_000);
  expect(listed.tools.map(({ name }) => name)).toEqual([
    "assess_risk",
    "decide",
    "get_approval",
    "record_outcome",
    "explain_decision",
    "cast_vote",
    "tally_votes",
    "raise_escalation",
    "list_escalations",
    "get_calibration",
  ]);
  await close();
});

for (const era of ["2026-07-28", "2025-11-25"] as const) {
  test(`a ${era} client decides, explains and records`, async () => {
    const { client, close } = await connect(server, era);
    const { decision_id } = await mustCall(client, "decide", ASK);
    expect(await mustCall(client, "explain_decision", { decision_id })).toMatchObject({
      verdict: "proceed_with_monitoring",
    });
    const recorded = await mustCall(client, "record_outcome", {
      decision_id,
      outcome: "success",
      source: "ci",
    });
    expect(recorded).toMatchObject({ learned: false });
    await close();
  });
}

test("a client of the previous SDK line decides", async () => {
  const { client, close } = await connectOld(server);
  const { structuredContent } = await client.callTool({ name: "decide", arguments: ASK });
  expect(structuredContent).toMatchObject({ verdict: "proceed_with_monitoring" });
  await close();
});
