import { z } from "zod";
import { schemaProblem } from "../domain/output-schema.ts";
import type { Acceptance } from "../domain/task.ts";
import { boundedList, closed, text } from "../../../kernel/mcp/input.ts";

const KINDS = ["run", "tests", "output_schema", "artifacts", "review"] as const;

/** One thing that has to hold: exactly one of the kinds, and beside tests what belongs to them. */
export const acceptanceInput = closed({
  run: text(4_000, 1).optional(),
  tests: text(4_000, 1).optional(),
  must_fail_before: z.boolean().optional(),
  protect: boundedList(text(500), 200).optional(),
  output_schema: z.json().optional(),
  artifacts: boundedList(text(1_000, 1), 100, 1).optional(),
  review: text(4_000, 1).optional(),
}).superRefine((item, { addIssue }) => {
  const named = KINDS.filter((kind) => item[kind] !== undefined);
  const message =
    named.length !== 1
      ? `an acceptance is exactly one of ${KINDS.join(", ")}`
      : item.tests === undefined && (item.must_fail_before !== undefined || item.protect !== undefined)
        ? "must_fail_before and protect belong to tests"
        : item.output_schema === undefined
          ? null
          : schemaProblem(item.output_schema);
  if (message !== null) addIssue({ code: "custom", message, input: item });
});

/** @throws {TypeError} for what the schema refuses. */
export function toAcceptance(item: z.output<typeof acceptanceInput>): Acceptance {
  const { run, tests, must_fail_before, protect, output_schema, artifacts, review } = item;
  if (run !== undefined) return { run };
  if (tests !== undefined) return { tests, must_fail_before, protect };
  if (artifacts !== undefined) return { artifacts };
  if (review !== undefined) return { review };
  if (output_schema !== undefined) return { output_schema };
  throw new TypeError("an acceptance of no kind");
}
