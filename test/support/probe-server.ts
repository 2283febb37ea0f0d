import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { bindTools, type ToolServer } from "../../kernel/mcp/server.ts";
import { defineTool, READS } from "../../kernel/mcp/tool.ts";
import type { Log } from "../../kernel/log.ts";

interface ProbeDeps {
  readonly seen: (what: string) => void;
}

/** Says who calls, after a while. */
const whoAmI = defineTool({
  name: "who_am_i",
  title: "Who am I",
  description: "Says who calls.",
  input: z.object({ word: z.string(), wait_ms: z.int().default(0) }),
  output: z.object({ word: z.string(), principal: z.string(), client: z.string() }),
  annotations: READS,
  async run({ word, wait_ms }, _deps: ProbeDeps, call) {
    await pause(wait_ms);
    return { word, principal: call.principal.id, client: call.client?.name ?? "" };
  },
});

/** Works until it is cancelled. */
const workOn = defineTool({
  name: "work_on",
  title: "Work on",
  description: "Works until it is cancelled, and says how far it is.",
  input: z.object({}),
  output: z.object({}),
  annotations: READS,
  async run(_input, { seen }: ProbeDeps, call) {
    await call.progress({ progress: 1, total: 2, message: "half" });
    seen("began");
    await pause(20_000, undefined, { signal: call.signal }).catch(() => seen("aborted"));
    return {};
  },
});

/** A server without a store, for what happens between a host and the tools. */
export function probeServer(log: Log, seen: (what: string) => void): ToolServer {
  return {
    name: "probe",
    instructions: "Answers.",
    tools: bindTools([whoAmI, workOn], { seen }),
    log,
    close: async () => seen("closed"),
  };
}
