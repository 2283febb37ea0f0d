import { NOTHING_SPENT } from "./budget.ts";
import { isFinished, waitingStatus, type Task, type TaskSpec } from "./task.ts";
import { isHopeless, type DependencyState } from "./waiting.ts";

/** A task before anybody worked on it: it waits for what it depends on, for its time, or for a decision. */
export function newTask(
  spec: TaskSpec,
  id: string,
  dependsOn: readonly Omit<DependencyState, "task">[],
  now: number,
): Task {
  const openDeps = dependsOn.filter(({ status }) => !isFinished(status)).length;
  return {
    ...spec,
    id,
    status: dependsOn.some(isHopeless) ? "needs_decision" : waitingStatus(openDeps, spec.notBefore, now),
    openDeps,
    attempt: 0,
    excused: 0,
    claim: null,
    worker: null,
    workerPrincipal: null,
    progress: 0,
    checkpoint: null,
    notes: [],
    output: null,
    artifacts: [],
    verified: false,
    usage: { tokens: NOTHING_SPENT.tokens, usd: NOTHING_SPENT.usd },
    hasReported: false,
    spent: NOTHING_SPENT,
    avoid: null,
    followsUp: null,
    failure: null,
    version: 1,
    createdAt: now,
    updatedAt: now,
  };
}
