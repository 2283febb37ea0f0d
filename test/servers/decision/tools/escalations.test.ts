import { beforeEach, afterEach, expect, test } from "vitest";
import {
  acknowledge,
  acknowledgeCommand,
  escalations,
} from "../../../../servers/decision/cli/escalations.ts";
import { openForTest, type OpenDecision } from "../open.ts";

const MINUTE = 60_000;
let server: OpenDecision;
beforeEach(async () => {
  server = await openForTest();
});
afterEach(() => server.close());

const raise = (args: Record<string, unknown>): Promise<Record<string, unknown>> =>
  server.must("raise_escalation", { reason: "look at this", subject: "abc", ...args });
const raisedEvents = () => server.store.events({ after: 0, limit: 100, types: ["escalation.raised"] });

test.each<[tier: string, rule: string | null, minutes: number, args: Record<string, unknown>]>([
  ["immediate", "production_outage", 15, { facts: { production_outage: true } }],
  ["immediate", "data_loss_risk", 15, { reason: "data_loss_risk" }],
  ["high", "many_tests_fail", 240, { facts: { test_failure_rate: 0.5 } }],
  ["high", "deployment_risk_score", 240, { facts: { deployment_risk_score: 0.9 } }],
  ["high", "performance_degradation", 240, { facts: { performance_degradation: 2 } }],
  ["standard", "edge_case_uncertainty", 1_440, { facts: { edge_case_uncertainty: true } }],
  ["standard", null, 1_440, { facts: { coverage: 1 } }],
  [
    "immediate",
    "legal_compliance_issue",
    15,
    { facts: { legal_compliance_issue: 1, edge_case_uncertainty: 1 } },
  ],
])("%s by %s, to be seen within %i minutes, for %j", async (tier, rule, minutes, args) => {
  const start = server.now();
  const escalation = await raise(args);
  expect(escalation).toMatchObject({ tier, rule, deduplicated: false, state: "open" });
  expect(Date.parse(String(escalation["deadline"]))).toBe(start + minutes * MINUTE);
});

test("the same thing about the same subject is one escalation, in other words and by other facts it is another", async () => {
  const first = await raise({});
  const again = await raise({ reason: "  Look at  THIS " });
  expect(again).toMatchObject({ escalation_id: first["escalation_id"], deduplicated: true });
  expect((await raise({ subject: "abd" }))["deduplicated"]).toBe(false);
  expect((await raise({ reason: "something else" }))["deduplicated"]).toBe(false);
  const outage = await raise({ facts: { production_outage: 1 } });
  expect(await raise({ reason: "down!", facts: { production_outage: 1 } })).toMatchObject({
    escalation_id: outage["escalation_id"],
    deduplicated: true,
  });
  expect((await raisedEvents()).length).toBe(4);
  const listed = await server.must("list_escalations", {});
  expect(listed["escalations"]).toMatchObject([
    { id: outage["escalation_id"], times: 2, tier: "immediate" },
    {},
    {},
    {},
  ]);
});

test("a decision raises what its triggers call for, once for a subject", async () => {
  const decide = () =>
    server.must("decide", {
      action: "merge",
      subject: "abc",
      facts: { coverage: 0.9, breaking_api_changes: 2, architectural_decision_needed: true },
      confidence: 1,
    });
  const decision = await decide();
  expect(decision).toMatchObject({ verdict: "require_human" });
  await decide();
  const { escalations: listed } = await server.must("list_escalations", {});
  expect(listed).toMatchObject([
    { rule: "breaking_api_changes", tier: "high", times: 2, decision_id: decision["decision_id"] },
    { rule: "architectural_decision_needed", tier: "standard", times: 2 },
  ]);
});

test("unseen it becomes more urgent, and each time is told", async () => {
  await raise({});
  server.pass(28 * 60 * MINUTE);
  expect(await server.must("list_escalations", {})).toMatchObject({
    escalations: [{ tier: "immediate", missed: 2, state: "open" }],
  });
  const told = (await raisedEvents()).map((event) => [event.data["tier"], event.data["missed"]]);
  expect(told).toEqual([
    ["standard", 0],
    ["immediate", 2],
  ]);
});

test("only a person acknowledges: no tool can, the command not without a terminal, and what was seen rests", async () => {
  const { escalation_id } = await raise({});
  const id = String(escalation_id);
  const [out, err]: [string[], string[]] = [[], []];
  const io = (env: Record<string, string> = {}) => ({
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    env,
    cwd: server.home,
    terminal: undefined,
    signal: new AbortController().signal,
  });
  const typing = (text: string) =>
    acknowledgeCommand(() => ({ user: "ann", say: () => {}, ask: async () => text, close: () => {} }));
  expect(await acknowledge([id, "--home", server.home], io({ CLAUDECODE: "1" }))).toBe(4);
  expect(await acknowledge([id, "--home", server.home], io({ CI: "true" }))).toBe(4);
  expect(err.join("\n")).toContain("only a person at a terminal");
  expect(await typing("later")([id, "--home", server.home], io())).toBe(1);
  expect(await typing("seen")([id, "--home", server.home], io())).toBe(0);
  expect(await typing("seen")([id, "--home", server.home], io())).toBe(1);
  expect(await typing("seen")(["esc_none", "--home", server.home], io())).toBe(1);
  expect(await server.must("list_escalations", { state: "acknowledged" })).toMatchObject({
    escalations: [{ id, acknowledged_by: "user:ann", channel: "terminal" }],
  });
  expect(await server.must("list_escalations", { state: "open" })).toEqual({ escalations: [] });
  expect(await server.store.events({ after: 0, limit: 9, types: ["escalation.acknowledged"] })).toMatchObject(
    [{ subject: id, principal: "user:ann" }],
  );
  out.length = 0;
  await raise({ subject: "other" });
  expect(await escalations(["--home", server.home], io())).toBe(0);
  expect(out.join("\n")).toMatch(/^esc_\w+ {2}standard {2}look at this {2}\(other\) {2}by /);
});

test("the list is paged, bounded and clean", async () => {
  for (let i = 0; i < 5; i += 1) await raise({ subject: `s${i}`, reason: `\u001b[31m${"word ".repeat(90)}` });
  const first = await server.must("list_escalations", { limit: 2 });
  expect(first["escalations"]).toHaveLength(2);
  expect(JSON.stringify(first)).not.toContain("\\u001b");
  const second = await server.must("list_escalations", { limit: 2, cursor: first["next_cursor"] });
  const third = await server.must("list_escalations", { limit: 2, cursor: second["next_cursor"] });
  expect(third["escalations"]).toHaveLength(1);
  expect(third).not.toHaveProperty("next_cursor");
  expect((await server.must("list_escalations", { max_tokens: 200 }))["escalations"]).toHaveLength(1);
  expect(await server.call("list_escalations", { cursor: "x" })).toMatchObject({
    ok: false,
    error: { code: "invalid" },
  });
});
