import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import { findCycle } from "../../kernel/graph.ts";

const acceptance = z.union([
  z.strictObject({ run: z.string().min(1) }),
  z.strictObject({
    tests: z.string().min(1),
    must_fail_before: z.boolean().optional(),
    protect: z.array(z.string()).optional(),
  }),
]);

const budget = z.strictObject({
  tokens: z.number().positive().optional(),
  usd: z.number().positive().optional(),
  wall_s: z.number().positive().optional(),
});

/** Something that was asked for, which a merged task must serve for the run to be done. */
const requirement = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/{} -]{0,199}$/, "letters, digits and ._:/{} -, at most 200"),
  text: z.string().min(1).max(4_000),
});

const task = z.strictObject({
  // A branch is named after it, and git allows neither of the two endings nor two dots in a row.
  ref: z
    .string()
    .regex(
      /^(?!.*\.\.)(?!.*\.(?:lock)?$)[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/,
      "letters, digits, single dots, dash and underscore, at most 60",
    ),
  title: z.string().min(1).max(300),
  description: z.string().max(20_000).default(""),
  type: z.string().max(50).optional(),
  depends_on: z.array(z.string()).default([]),
  /** Ids of the plan's requirements that it serves. */
  requirements: z.array(z.string()).default([]),
  priority: z.int().min(1).max(10).optional(),
  paths: z.array(z.string()).optional(),
  capabilities: z.array(z.string()).optional(),
  acceptance: z.array(acceptance).optional(),
  runner: z.string().optional(),
  budget: budget.optional(),
  critical: z.boolean().optional(),
  max_attempts: z.int().min(1).max(20).optional(),
});

/** `plan.yaml`: what a run works off. The same form comes from a planner. Unknown keys are errors. */
const Plan = z.strictObject({
  goal: z.string().optional(),
  setup: z.string().optional(),
  defaults: task
    .omit({ ref: true, title: true, description: true, depends_on: true, requirements: true })
    .partial()
    .default({}),
  requirements: z.array(requirement).max(1_000).default([]),
  tasks: z.array(task).min(1, "a plan needs at least one task").max(500),
});

export type Plan = z.output<typeof Plan>;
export type PlanTask = Plan["tasks"][number];
export type PlanAcceptance = z.output<typeof acceptance>;

/**
 * Reads a plan, with its defaults worked into every task.
 *
 * @throws {DomainError} invalid, naming the place: a wrong or unknown key, the same ref twice, an unknown reference,
 * a circle, the same requirement twice or one that the plan does not state.
 */
export function parsePlan(value: unknown): Plan {
  const parsed = Plan.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const place = issue?.path.map(String).join(".") ?? "";
    throw new DomainError(
      "invalid",
      `the plan is wrong at ${place === "" ? "its top" : place}: ${issue?.message ?? "unreadable"}`,
      { hint: PLAN_HINT },
    );
  }
  const plan = parsed.data;
  const refs = new Map<string, readonly string[]>();
  for (const { ref, depends_on } of plan.tasks) {
    if (refs.has(ref))
      throw new DomainError("invalid", `the plan uses the ref "${ref}" twice`, {
        hint: "give every task its own ref",
      });
    refs.set(ref, depends_on);
  }
  for (const [ref, dependsOn] of refs) {
    const unknown = dependsOn.find((on) => !refs.has(on));
    if (unknown !== undefined) {
      throw new DomainError("invalid", `task "${ref}" depends on "${unknown}", which is not in the plan`, {
        hint: "depends_on takes refs of this plan",
      });
    }
  }
  checkRequirements(plan);
  const cycle = findCycle(refs);
  if (cycle !== null) {
    throw new DomainError("invalid", `the plan goes in a circle: ${cycle.join(" -> ")}`, {
      hint: "drop one of these dependencies",
    });
  }
  return { ...plan, tasks: plan.tasks.map((item) => ({ ...plan.defaults, ...item })) };
}

function checkRequirements({ requirements, tasks }: Plan): void {
  const stated = new Set<string>();
  for (const { id } of requirements) {
    if (stated.has(id))
      throw new DomainError("invalid", `the plan states the requirement "${id}" twice`, {
        hint: "give every requirement its own id",
      });
    stated.add(id);
  }
  for (const { ref, requirements: served } of tasks) {
    const unknown = served.find((id) => !stated.has(id));
    if (unknown !== undefined)
      throw new DomainError("invalid", `task "${ref}" serves "${unknown}", which the plan does not require`, {
        hint: "requirements of a task are ids of the plan's requirements: [{id, text}]",
      });
  }
}

const PLAN_HINT =
  "a plan has goal?, setup?, defaults?, requirements? and tasks: [{ref, title, description?, depends_on?, paths?, acceptance?, …}]";
