import { fuzzPolicies } from "../../test/servers/decision/policy-fuzz.ts";
import { parseFlags } from "../../kernel/flags.ts";
import { markdownTable } from "../machine.ts";
import { assessWideChange } from "./wide-change.ts";

const BOUND_MS = 50;

/**
 * Full counts of the decision server: made-up policies from a free seed, and a change of 100,000 files. Throws where one
 * escapes or takes too long. Takes `--policies N` and `--files N` for other counts.
 */
export async function soakDecision(argv: readonly string[]): Promise<string> {
  const flags = parseFlags(argv, { policies: { type: "string" }, files: { type: "string" } }, 0);
  const seed = Date.now() % 2 ** 31;
  const files = flags.int("files", 20_001, 1_000_000) ?? 100_000;
  const wide = await assessWideChange(files);
  const found = fuzzPolicies({ seed, runs: flags.int("policies", 1, 10_000_000) ?? 100_000 });
  if (found.escapes.length > 0)
    throw new Error(`seed ${seed}: ${JSON.stringify(found.escapes.slice(0, 5))} did something else`);
  if (found.slowestMs > BOUND_MS)
    throw new Error(`seed ${seed}: reading three policies took ${found.slowestMs.toFixed(0)} ms`);
  const policies = markdownTable(
    ["made-up conditions", "as condition and document", "refused", "escaped", "slowest ms", "seed"],
    [[`${found.runs}`, "3 each", `${found.refused}`, "0", found.slowestMs.toFixed(1), `${seed}`]],
  );
  return `${policies}\n\n${markdownTable(
    ["files of a change", "ended in", "ms"],
    [[`${files}`, wide.code, wide.ms.toFixed(0)]],
  )}`;
}
