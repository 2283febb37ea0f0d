import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import type { Conversation, Policy } from "./conversation.ts";
import { call, giveUp, type PolicyReply } from "./policy-reply.ts";

const step = z.strictObject({
  say: z.string().optional().describe("Text before the call"),
  tool: z.string().min(1).describe("The tool to call"),
  input: z.record(z.string(), z.unknown()).default({}).describe("Its arguments"),
  expect: z
    .string()
    .optional()
    .describe("Regular expression that the last tool result must match, else the script gives up"),
  expect_error: z.boolean().default(false).describe("Whether the last tool result must be an error"),
});

const role = z.enum(["planner", "implementer", "reviewer"]);
const steps = z.array(step).min(1).max(200);

/** What `scripted:<file>` reads; `SCRIPTS.md` beside this file explains it. */
export const scriptSchema = z.strictObject({
  version: z.literal(1).default(1),
  roles: z.partialRecord(role, steps).default({}),
  overrides: z
    .array(z.strictObject({ role, task: z.string().optional(), attempt: z.int().min(1).optional(), steps }))
    .default([]),
});

export type Script = z.output<typeof scriptSchema>;
type Step = Script["overrides"][number]["steps"][number];

/** @throws {DomainError} `invalid` for text that is not a script, naming the first few places. */
export function parseScript(text: string): Script {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new DomainError("invalid", "the script is not JSON", {
      hint: "see orchestrator/demo/SCRIPTS.md",
      cause,
    });
  }
  const parsed = scriptSchema.safeParse(json);
  if (!parsed.success) {
    const places = parsed.error.issues
      .slice(0, 3)
      .map((issue) => `${issue.path.map(String).join(".")}: ${issue.message}`);
    throw new DomainError("invalid", `the script is not valid: ${places.join("; ")}`, {
      hint: "see orchestrator/demo/SCRIPTS.md",
    });
  }
  const { roles, overrides } = parsed.data;
  for (const { expect } of [...Object.values(roles), ...overrides.map((entry) => entry.steps)].flat()) {
    if (expect !== undefined) compile(expect);
  }
  return parsed.data;
}

/** A policy that takes one step per turn and gives up where a tool's real answer is not the expected one. */
export function scriptPolicy(script: Script): Policy {
  return (conversation) => {
    if (conversation.role === null) return { text: "scripted model, no LLM" };
    const list = stepsFor(script, conversation);
    const at = conversation.exchanges.length;
    const next = list?.[at];
    if (next === undefined)
      return giveUp(list === null ? "the script has no steps for this job" : "the script ended");
    return mismatch(next, conversation) ?? call(next.tool, next.input, next.say);
  };
}

function stepsFor(script: Script, { role: of, job }: Conversation): readonly Step[] | null {
  const override = script.overrides.find(
    (entry) =>
      entry.role === of &&
      (entry.task === undefined || entry.task === job?.task_ref) &&
      (entry.attempt === undefined || entry.attempt === job?.attempt),
  );
  return override?.steps ?? (of === null ? null : (script.roles[of] ?? null));
}

function mismatch(next: Step, { exchanges }: Conversation): PolicyReply | null {
  const last = exchanges.at(-1);
  if (last === undefined) return null;
  if (last.isError !== next.expect_error) {
    return giveUp(`cannot reproduce: ${last.tool} ${last.isError ? "was refused" : "was not refused"}`);
  }
  if (next.expect !== undefined && !compile(next.expect).test(last.result)) {
    return giveUp(`cannot reproduce: the answer of ${last.tool} is not the expected one`);
  }
  return null;
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "m");
  } catch (cause) {
    throw new DomainError("invalid", "an expect of the script is not a regular expression", { cause });
  }
}
