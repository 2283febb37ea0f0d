import { z } from "zod";
import { modelTool, refusal } from "./model-tool.ts";
import type { ModelTool } from "./model-tool.ts";
import type { Role } from "./runner.ts";

const summary = z.string().min(1).max(4_000).describe("A few sentences");

const giveUp = modelTool({
  name: "give_up",
  description: "Ends the job without a result, when it cannot be done or its premise is not so. Say why.",
  input: z.object({ reason: summary }),
  async run(input) {
    return { text: "noted", isError: false, ending: { status: "gave_up", summary: input.reason } };
  },
});

const finish = modelTool({
  name: "finish",
  description:
    "Ends the job when the work is in the files and the checks pass. Say what was changed and why.",
  input: z.object({ summary }),
  async run(input) {
    return {
      text: "noted",
      isError: false,
      ending: { status: "done", result: { kind: "work" }, summary: input.summary },
    };
  },
});

/** Checked in shape only here; the run parses it with the schema of a plan. */
const submitPlan = modelTool({
  name: "submit_plan",
  description: "Ends planning with the list of tasks.",
  input: z.object({
    summary: summary.default("plan"),
    plan: z.object({
      requirements: z
        .array(z.object({ id: z.string().min(1).max(200), text: z.string().min(1).max(4_000) }))
        .max(200)
        .optional()
        .describe("What the goal asks for, each point once"),
      tasks: z
        .array(
          z.looseObject({
            ref: z.string().min(1).max(64).describe("Short name, unique in the plan"),
            title: z.string().min(1).max(300),
            description: z.string().max(20_000).optional(),
            depends_on: z.array(z.string()).optional().describe("Refs of tasks that must be merged before"),
            requirements: z.array(z.string()).optional().describe("Ids of the requirements it serves"),
            paths: z.array(z.string()).optional().describe("Files or globs the task may change"),
            acceptance: z
              .array(
                z.union([
                  z.object({ run: z.string() }),
                  z.object({
                    tests: z.string().describe("Command that runs the tests"),
                    must_fail_before: z.boolean().optional(),
                    protect: z.array(z.string()).optional().describe("Globs the task must not touch"),
                  }),
                ]),
              )
              .optional(),
          }),
        )
        .min(1)
        .max(200),
    }),
  }),
  async run(input) {
    return {
      text: "noted",
      isError: false,
      ending: { status: "done", result: { kind: "plan", plan: input.plan }, summary: input.summary },
    };
  },
});

const submitReview = modelTool({
  name: "submit_review",
  description:
    "Ends the review with a verdict. A rejection needs at least one reason that the author can act on.",
  input: z.object({
    verdict: z.enum(["approve", "reject"]),
    reasons: z.array(z.string().min(1).max(1_000)).max(20).default([]),
  }),
  async run(input) {
    if (input.verdict === "reject" && input.reasons.length === 0)
      return refusal("a rejection needs a reason");
    return {
      text: "noted",
      isError: false,
      ending: {
        status: "done",
        result: { kind: "review", review: { verdict: input.verdict, reasons: input.reasons } },
        summary: input.reasons.join("; "),
      },
    };
  },
});

/** The tool each role must end with. */
export const LAST_TOOL = {
  planner: "submit_plan",
  implementer: "finish",
  reviewer: "submit_review",
} as const;

const ENDINGS: Readonly<Record<Role, readonly ModelTool[]>> = {
  planner: [submitPlan, giveUp],
  implementer: [finish, giveUp],
  reviewer: [submitReview, giveUp],
};

export function endingTools(role: Role): readonly ModelTool[] {
  return ENDINGS[role];
}
