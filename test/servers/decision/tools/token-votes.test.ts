import { expect, test } from "vitest";
import { idSource } from "../../../../kernel/ids.ts";
import { silentLog } from "../../../../kernel/log.ts";
import type { Call } from "../../../../kernel/mcp/call.ts";
import { castVote } from "../../../../servers/decision/tools/cast-vote.ts";
import { decide } from "../../../../servers/decision/tools/decide.ts";
import { openDecisionStore } from "../../../../servers/decision/store/sqlite.ts";
import { BALANCED, inForce } from "../policies.ts";

/** A call over HTTP by the owner of a token. */
function by(token: string): Call {
  return {
    principal: { id: `token:${token}`, channel: "http" },
    client: undefined,
    signal: new AbortController().signal,
    progress: async () => {},
    ask: undefined,
    trace: { id: "t", traceparent: undefined },
    once: undefined,
  };
}

test("over HTTP the token is the voter, whatever name it gives: never twice, never on what it asked for", async () => {
  const store = openDecisionStore(":memory:", Date.now);
  const deps = {
    store,
    changes: { read: () => Promise.reject(new Error("no repository is read here")) },
    policies: inForce(BALANCED),
    clock: Date.now,
    newId: idSource(Date.now),
    log: silentLog,
  };
  const { decision_id } = await decide.run(
    { action: "merge", facts: { coverage: 0.9 }, author: "Dee Low <dee@example.com>" },
    deps,
    by("ann"),
  );
  const vote = (token: string, voter: string, role: "tester" | "reviewer") =>
    castVote.run(
      { decision_id, voter, role, score: 1, veto: false, abstain: false, rationale: "" },
      deps,
      by(token),
    );
  await expect(vote("ann", "somebody else", "tester")).rejects.toThrow("the author");
  await expect(vote("dee", "somebody else", "tester")).rejects.toThrow("the author");
  expect(await vote("ben", "ben", "tester")).toMatchObject({ advisory: false, voters: 1 });
  await expect(vote("ben", "another name", "reviewer")).rejects.toThrow("voted already");
  expect(await vote("cid", "ben", "reviewer")).toMatchObject({
    advisory: false,
    voters: 2,
    quorum: true,
    verdict: "auto_proceed",
  });
  expect(await store.events({ after: 0, limit: 9, types: ["access.denied"] })).toMatchObject([
    { principal: "token:ann", data: { what: "vote", code: "denied" } },
    { principal: "token:dee", data: { what: "vote", code: "denied" } },
    { principal: "token:ben", data: { what: "vote", code: "conflict" } },
  ]);
  store.close();
});
