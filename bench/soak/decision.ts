import { fuzzPolicies } from "../../test/servers/decision/policy-fuzz.ts";
import { markdownTable } from "../machine.ts";

const BOUND_MS = 50;

/** Full counts of the decision server: made-up policies from a free seed. Throws where one escapes or takes too long. */
export async function soakDecision(): Promise<string> {
  const seed = Date.now() % 2 ** 31;
  const found = fuzzPolicies({ seed, runs: 100_000 });
  if (found.escapes.length > 0)
    throw new Error(`seed ${seed}: ${JSON.stringify(found.escapes.slice(0, 5))} did something else`);
  if (found.slowestMs > BOUND_MS)
    throw new Error(`seed ${seed}: reading three policies took ${found.slowestMs.toFixed(0)} ms`);
  return markdownTable(
    ["made-up conditions", "as condition and document", "refused", "escaped", "slowest ms", "seed"],
    [[`${found.runs}`, "3 each", `${found.refused}`, "0", found.slowestMs.toFixed(1), `${seed}`]],
  );
}
