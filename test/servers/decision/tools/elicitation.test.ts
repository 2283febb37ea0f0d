import type { ElicitResult } from "@modelcontextprotocol/client";
import { afterEach, expect, test } from "vitest";
import { idSource } from "../../../../kernel/ids.ts";
import { silentLog } from "../../../../kernel/log.ts";
import { compilePolicy } from "../../../../servers/decision/adapters/cel.ts";
import { createDecisionServer } from "../../../../servers/decision/server.ts";
import { openDecisionStore } from "../../../../servers/decision/store/sqlite.ts";
import { connect, mustCall } from "../../../support/connect.ts";
import { BALANCED, inForce } from "../policies.ts";

const ASKING = compilePolicy({ ...BALANCED.source, name: "asking", elicitation: true });
const ASK = { action: "merge", facts: { coverage: 0.9 }, critical: true, subject: "abc" };

let close: (() => Promise<void>) | undefined;
afterEach(async () => close?.());

/** A host whose person answers so, and what the approval of one critical decision came to. */
async function decideAt(
  person: (message: string) => ElicitResult,
  { policy = ASKING, args = ASK }: { policy?: typeof ASKING; args?: object } = {},
): Promise<{
  readonly asked: readonly string[];
  readonly approval: Record<string, unknown>;
  readonly events: readonly string[];
}> {
  const store = openDecisionStore(":memory:", Date.now);
  const server = createDecisionServer({
    store,
    changes: { read: () => Promise.reject(new Error("no repository is read here")) },
    policies: inForce(policy),
    clock: Date.now,
    newId: idSource(Date.now),
    log: silentLog,
  });
  const asked: string[] = [];
  const connection = await connect(server, "2026-07-28", (request) => {
    asked.push(request);
    return person(request);
  });
  close = async () => {
    await connection.close();
    await server.close();
  };
  const { approval_id } = await mustCall(connection.client, "decide", { ...args });
  const approval = await mustCall(connection.client, "get_approval", { approval_id });
  const events = (await store.events({ after: 0, limit: 99 })).map((event) => event.type);
  return { asked, approval, events };
}

const digestIn = (message: string): string => /digest (\w+)/.exec(message)?.[1] ?? "";
const typing =
  (text: (digest: string) => string) =>
  (message: string): ElicitResult => ({
    action: "accept",
    content: { digest: text(digestIn(message)) },
  });

test("where the policy says so, the digest typed at the host approves, and the channel is on record", async () => {
  const { asked, approval, events } = await decideAt(typing((digest) => digest.slice(0, 8)));
  expect(asked).toHaveLength(1);
  expect(asked[0]).toContain("the change is marked critical");
  expect(approval).toMatchObject({ status: "approved", who: "host:test", channel: "elicitation" });
  expect(events.filter((type) => type.startsWith("approval"))).toEqual([
    "approval.requested",
    "approval.answered",
  ]);
});

test.each<[what: string, person: (message: string) => ElicitResult]>([
  ["declines", () => ({ action: "decline" })],
  ["goes away", () => ({ action: "cancel" })],
  ["types something else", typing(() => "yes")],
  ["types the whole digest's end", typing((digest) => digest.slice(-8))],
  ["types nothing", typing(() => "")],
])("a person who %s leaves it to the command line", async (_what, person) => {
  const { asked, approval } = await decideAt(person);
  expect(asked).toHaveLength(1);
  expect(approval).toMatchObject({ status: "pending" });
});

test("no policy that ships lets a host's answer count: nobody is asked", async () => {
  const { asked, approval } = await decideAt(
    typing((digest) => digest.slice(0, 8)),
    { policy: BALANCED },
  );
  expect(asked).toEqual([]);
  expect(approval).toMatchObject({ status: "pending" });
});

test("what names no subject has no digest to type beforehand, and is not asked", async () => {
  const { asked } = await decideAt(
    typing((digest) => digest.slice(0, 8)),
    { args: { ...ASK, subject: undefined } },
  );
  expect(asked).toEqual([]);
});
