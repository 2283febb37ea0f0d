import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gitCache } from "../../../kernel/git/open.ts";
import { idSource } from "../../../kernel/ids.ts";
import { silentLog } from "../../../kernel/log.ts";
import { openRoots } from "../../../kernel/roots.ts";
import { gitHistory } from "../../../servers/decision/adapters/git-history.ts";
import type { ChangeSource } from "../../../servers/decision/adapters/change-source.ts";
import { createDecisionServer } from "../../../servers/decision/server.ts";
import type { DecisionStore } from "../../../servers/decision/store/decision-store.ts";
import { openDecisionStore } from "../../../servers/decision/store/sqlite.ts";
import { callTool, connect, mustCall, type Answer } from "../../support/connect.ts";
import { BALANCED, inForce } from "./policies.ts";

/** A decision server with a clock of its own and a client connected to it. */
export interface OpenDecision {
  readonly home: string;
  readonly store: DecisionStore;
  now(): number;
  pass(ms: number): void;
  call(tool: string, args: Record<string, unknown>): Promise<Answer>;
  must(tool: string, args: Record<string, unknown>): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export function changesBelow(roots: readonly string[], home: string): ChangeSource {
  return gitHistory({ roots: openRoots(roots), path: process.env["PATH"] ?? "", home, cache: gitCache() });
}

export async function openForTest(roots: readonly string[] = [], start = Date.now()): Promise<OpenDecision> {
  const home = mkdtempSync(join(tmpdir(), "slipway-decision-home-"));
  let now = start;
  const clock = (): number => now;
  const store = openDecisionStore(join(home, "decision.db"), clock);
  const server = createDecisionServer({
    store,
    changes: changesBelow(roots, home),
    policies: inForce(BALANCED),
    clock,
    newId: idSource(clock),
    log: silentLog,
  });
  const connection = await connect(server);
  return {
    home,
    store,
    now: clock,
    pass: (ms) => void (now += ms),
    call: (tool, args) => callTool(connection.client, tool, args),
    must: (tool, args) => mustCall(connection.client, tool, args),
    async close() {
      await connection.close();
      await server.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
