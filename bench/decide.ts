import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustCall } from "../test/support/connect.ts";
import { temporaryFolder } from "../test/support/all-servers.ts";
import { openDecisionStore } from "../servers/decision/store/sqlite.ts";
import type { CallFigures } from "./calls.ts";
import { startStdioServer } from "./stdio-server.ts";

const RULES = 50;
const WARM_UP = 50;

/** `decide` over stdio, under a policy of 50 rules, on top of so many decisions of the past. */
export async function measureDecide(past: number, count: number): Promise<CallFigures> {
  const home = temporaryFolder("bench-decide");
  writeFileSync(join(home.path, "slipway.yaml"), "policy: many.yaml\n");
  writeFileSync(join(home.path, "many.yaml"), policyOf(RULES));
  const server = await startStdioServer("decision", home.path);
  try {
    const ask = (turn: number) =>
      mustCall(server.client, "decide", {
        action: "merge",
        facts: { coverage: 0.5 + (turn % 50) / 100, complexity: (turn % 7) / 10, tests_failed: 0 },
        confidence: (turn % 100) / 100,
        subject: `change ${turn % 500}`,
      });
    await ask(0);
    await copyDecisions(join(home.path, "decision.db"), past);
    const ms: number[] = [];
    for (let turn = 0; turn < WARM_UP + count; turn += 1) {
      const began = performance.now();
      await ask(turn);
      if (turn >= WARM_UP) ms.push(performance.now() - began);
    }
    return { what: `decide, ${RULES} rules, ${past.toLocaleString("en")} past decisions`, ms };
  } finally {
    await server.close();
    home.dispose();
  }
}

/** The one decision there is, as often as wanted, each under an id of its own and older than the last. */
async function copyDecisions(path: string, count: number): Promise<void> {
  const store = openDecisionStore(path, Date.now);
  try {
    await store.write({ principal: { id: "bench" }, once: undefined }, async (tx) => {
      const [first] = await tx.pastDecisions("~", 1);
      if (first === undefined) throw new Error("there is no decision to copy");
      for (let i = 0; i < count; i += 1)
        await tx.addDecision({ ...first, id: `dec_0${String(i).padStart(15, "0")}`, at: first.at - i });
    });
  } finally {
    store.close();
  }
}

function policyOf(rules: number): string {
  const guards = Array.from(
    { length: rules - 2 },
    (_, i) =>
      `  - { id: guard_${i}, when: "(risk * ${i + 1} - coverage > ${i + 50}% || complexity >= 0.${90 + (i % 9)}) && !(tests_failed == 0)", verdict: block, because: rule ${i} }`,
  );
  return `name: many
guards:
${guards.join("\n")}
ladder:
  - { id: safe, when: confidence > 0.9 && risk < 20%, verdict: auto_proceed, because: sure and safe }
  - { id: fair, when: confidence > 0.7 && risk < 40%, verdict: proceed_with_monitoring, because: fair }
otherwise: { verdict: require_human, because: else }
`;
}
