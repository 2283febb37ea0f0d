import { z } from "zod";
import type { RunContext } from "../run/context.ts";

/** What a gate found: passed, failed, or could not look, each with its reasons. */
export const GateResult = z.object({
  verdict: z.enum(["pass", "fail", "not_available"]),
  reasons: z.array(z.string()),
});

export type GateResult = z.output<typeof GateResult>;

export const PASS: GateResult = { verdict: "pass", reasons: [] };

export function failing(...reasons: string[]): GateResult {
  return { verdict: "fail", reasons };
}

/** Where in a run a gate stands. */
export interface GatePlace {
  readonly ref: string;
  readonly attempt: number;
}

/** Records what a gate found as an event of the run, and hands it on. */
export async function noted<R extends GateResult>(
  run: RunContext,
  place: GatePlace,
  gate: string,
  result: R,
): Promise<R> {
  const type =
    result.verdict === "pass"
      ? "gate.passed"
      : result.verdict === "fail"
        ? "gate.failed"
        : "gate.not_available";
  await run.journal.emit(type, {
    task: place.ref,
    attempt: place.attempt,
    gate,
    reasons: result.reasons.slice(0, 10).map((reason) => reason.slice(0, 500)),
  });
  return result;
}
