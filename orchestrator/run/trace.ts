import { z } from "zod";
import type { EventRecord } from "../../kernel/events.ts";
import { foldRun, type TaskView } from "./state.ts";

/** One task of a run with what it serves and what proves it. */
export interface TracedTask extends TaskView {
  readonly requirements: readonly string[];
  /** The commands that were run on the committed result of its last attempt, and how they exited. */
  readonly tests: readonly { readonly command: string; readonly exit_code: number | null }[];
}

/** One requirement with the tasks that serve it. Covered: one of them is merged, and was proven by a command. */
export interface TracedRequirement {
  readonly id: string;
  readonly text: string;
  readonly tasks: readonly string[];
  readonly covered: boolean;
}

/** From what was asked to what is there: requirement, task, test, commit. */
export interface Trace {
  readonly requirements: readonly TracedRequirement[];
  readonly tasks: readonly TracedTask[];
  /** Tokens of the attempts that were merged over all tokens, 0 to 1; null where none were used. */
  readonly token_efficiency: number | null;
}

const Step = z.object({ key: z.string(), result: z.unknown() });
const PlanStep = z.object({
  plan: z.looseObject({
    requirements: z.array(z.object({ id: z.string(), text: z.string() })).default([]),
    tasks: z.array(z.looseObject({ ref: z.string(), requirements: z.array(z.string()).default([]) })),
  }),
});
const ProofStep = z.looseObject({
  runs: z.array(z.looseObject({ command: z.string(), exit_code: z.int().nullable() })),
});
const Spend = z.looseObject({
  task: z.string().optional(),
  attempt: z.int().optional(),
  tokens: z.number(),
});

/** Reads the trace of a run from its events. */
export function traceRun(id: string, events: readonly EventRecord[]): Trace {
  const steps = new Map(
    events.flatMap((event) => {
      const step = event.type === "step.finished" ? Step.safeParse(event.data).data : undefined;
      return step === undefined ? [] : [[step.key, step.result] as const];
    }),
  );
  const plan = PlanStep.safeParse(steps.get("plan")).data?.plan;
  const tasks = foldRun(id, events).tasks.map((task): TracedTask => {
    const proof = ProofStep.safeParse(steps.get(`t/${task.ref}/a${task.attempt}/proof`)).data;
    return {
      ...task,
      requirements: plan?.tasks.find(({ ref }) => ref === task.ref)?.requirements ?? [],
      tests: (proof?.runs ?? []).map(({ command, exit_code }) => ({ command, exit_code })),
    };
  });
  const requirements = (plan?.requirements ?? []).map((requirement): TracedRequirement => {
    const serving = tasks.filter((task) => task.requirements.includes(requirement.id));
    return {
      ...requirement,
      tasks: serving.map(({ ref }) => ref),
      covered: serving.some(isProven),
    };
  });
  return { requirements, tasks, token_efficiency: efficiencyOf(events, tasks) };
}

function isProven({ state, tests }: TracedTask): boolean {
  return state === "merged" && tests.length > 0 && tests.every(({ exit_code }) => exit_code === 0);
}

function efficiencyOf(events: readonly EventRecord[], tasks: readonly TracedTask[]): number | null {
  const merged = new Map(
    tasks.filter(({ state }) => state === "merged").map(({ ref, attempt }) => [ref, attempt]),
  );
  let used = 0;
  let all = 0;
  for (const event of events) {
    if (event.type !== "spend.updated") continue;
    const { task, attempt, tokens } = Spend.parse(event.data);
    all += tokens;
    if (task !== undefined && merged.get(task) === attempt) used += tokens;
  }
  return all === 0 ? null : used / all;
}
