/**
 * What the queue should do, written the other way round: nothing is counted or flipped ahead. Whether a task is
 * blocked, scheduled or ready is worked out from its dependencies and the clock each time somebody looks.
 */
export interface ModelTask {
  readonly id: string;
  readonly order: number;
  readonly priority: number;
  readonly maxAttempts: number;
  readonly needsProof: boolean;
  readonly path: string | null;
  dependsOn: readonly { readonly task: string; readonly on: "success" | "finish" }[];
  phase:
    | "waiting"
    | "running"
    | "paused"
    | "needs_review"
    | "needs_decision"
    | "succeeded"
    | "dead"
    | "cancelled";
  notBefore: number;
  attempts: number;
  /** Attempts that were given back without blame, or granted. */
  spared: number;
  token: string | null;
  leaseUntil: number;
  stopping: boolean;
}

export type End = "succeeded" | "needs_review" | "retry" | "later" | "spare" | "dead";

export function queueModel(now: () => number) {
  const tasks = new Map<string, ModelTask>();
  const isOver = ({ phase }: ModelTask): boolean =>
    phase === "succeeded" || phase === "dead" || phase === "cancelled";
  const get = (id: string): ModelTask => {
    const task = tasks.get(id);
    if (task === undefined) throw new Error(`the model has no ${id}`);
    return task;
  };
  const isBad = (on: "success" | "finish", task: ModelTask): boolean =>
    task.phase === "cancelled" || (task.phase === "dead" && on === "success");
  const open = (task: ModelTask): number => task.dependsOn.filter((on) => !isOver(get(on.task))).length;
  const hasBad = (task: ModelTask): boolean => task.dependsOn.some(({ task: id, on }) => isBad(on, get(id)));
  const waitersOf = (id: string) =>
    [...tasks.values()].flatMap((task) =>
      task.dependsOn.filter((on) => on.task === id).map(({ on }) => ({ task, on })),
    );

  const statusOf = (task: ModelTask): string => {
    if (task.phase !== "waiting") return task.phase;
    if (open(task) > 0) return "blocked";
    return task.notBefore > now() ? "scheduled" : "ready";
  };
  const enter = (task: ModelTask, phase: ModelTask["phase"]): void => {
    const wasOver = isOver(task);
    task.phase = phase;
    if (phase !== "running") task.token = null;
    if (!wasOver && isOver(task)) {
      for (const { task: waiter, on } of waitersOf(task.id)) {
        if ((waiter.phase === "waiting" || waiter.phase === "paused") && isBad(on, task))
          waiter.phase = "needs_decision";
      }
    }
    if (wasOver && !isOver(task)) {
      for (const { task: waiter } of waitersOf(task.id)) {
        if (waiter.phase === "needs_decision" && !hasBad(waiter)) waiter.phase = "waiting";
      }
    }
  };
  const spent = (task: ModelTask): boolean => task.attempts - task.spared >= task.maxAttempts;

  /** Ends a hold. */
  const end = (task: ModelTask, how: End): void => {
    if (how === "spare") task.spared += 1;
    if (how === "later" && !spent(task))
      task.notBefore = now() + Math.min(300_000, 1_000 * 2 ** (task.attempts - task.spared - 1));
    if (task.stopping) return enter(task, "cancelled");
    if (how === "succeeded" || how === "needs_review" || how === "dead") return enter(task, how);
    enter(task, how !== "spare" && spent(task) ? "dead" : "waiting");
  };

  return {
    tasks,
    statusOf,
    open,
    get,
    add(
      spec: Pick<
        ModelTask,
        "id" | "priority" | "maxAttempts" | "needsProof" | "path" | "dependsOn" | "notBefore"
      >,
    ): void {
      const task: ModelTask = {
        ...spec,
        order: tasks.size,
        phase: "waiting",
        attempts: 0,
        spared: 0,
        token: null,
        leaseUntil: 0,
        stopping: false,
      };
      tasks.set(task.id, task);
      if (hasBad(task)) task.phase = "needs_decision";
    },
    /** What time alone changes. */
    settle(): void {
      for (const task of tasks.values())
        if (task.phase === "running" && task.leaseUntil <= now()) end(task, "retry");
      for (const task of tasks.values())
        if (statusOf(task) === "ready") task.notBefore = Math.min(task.notBefore, now());
    },
    next(): ModelTask | undefined {
      const taken = new Set(
        [...tasks.values()].filter(({ phase }) => phase === "running").map(({ path }) => path),
      );
      return [...tasks.values()]
        .filter((task) => statusOf(task) === "ready" && (task.path === null || !taken.has(task.path)))
        .sort((a, b) => b.priority - a.priority || a.order - b.order)[0];
    },
    claim(task: ModelTask, token: string, leaseMs: number): void {
      enter(task, "running");
      task.attempts += 1;
      task.token = token;
      task.leaseUntil = now() + leaseMs;
      task.stopping = false;
      task.notBefore = 0;
    },
    end,
    /** Makes one task wait for another, or says why not. */
    link(task: ModelTask, other: ModelTask, on: "success" | "finish"): "ok" | "invalid" | "invalid_state" {
      if (task.phase === "succeeded" || task.phase === "cancelled") return "invalid_state";
      const above = new Set([other.id]);
      for (const id of above) {
        const { phase, dependsOn } = get(id);
        if (phase !== "succeeded" && phase !== "cancelled")
          for (const next of dependsOn) above.add(next.task);
      }
      if (above.has(task.id)) return "invalid";
      const known = task.dependsOn.find((dependency) => dependency.task === other.id);
      const isNewlyBad = isBad(on, other) && !(known !== undefined && isBad(known.on, other));
      task.dependsOn = [
        ...task.dependsOn.filter((dependency) => dependency !== known),
        { task: other.id, on },
      ];
      if (isNewlyBad && (task.phase === "waiting" || task.phase === "paused")) task.phase = "needs_decision";
      else if (task.phase === "needs_decision" && !hasBad(task)) task.phase = "waiting";
      return "ok";
    },
    unlink(task: ModelTask, other: ModelTask): "ok" | "not_found" | "invalid_state" {
      if (task.phase === "succeeded" || task.phase === "cancelled") return "invalid_state";
      if (task.dependsOn.every((dependency) => dependency.task !== other.id)) return "not_found";
      const hadBad = hasBad(task);
      task.dependsOn = task.dependsOn.filter((dependency) => dependency.task !== other.id);
      if (task.phase === "needs_decision" && hadBad && !hasBad(task)) task.phase = "waiting";
      return "ok";
    },
    /** Whether a person may ask for it; does it where so. */
    redirect(task: ModelTask, to: "cancelled" | "paused" | "ready"): boolean {
      const status = statusOf(task);
      if (status === to) return true;
      const may = {
        cancelled: ["blocked", "scheduled", "ready", "running", "paused", "needs_review", "needs_decision"],
        paused: ["blocked", "scheduled", "ready", "running"],
        ready: ["scheduled", "running", "paused", "needs_review", "needs_decision", "dead"],
      }[to];
      if (!may.includes(status)) return false;
      if (to === "cancelled" && status === "running") {
        task.stopping = true;
        return true;
      }
      if (status === "running") task.spared += 1;
      if (to === "ready") {
        if (status === "scheduled") task.notBefore = 0;
        if (spent(task)) task.spared += 1;
        enter(task, "waiting");
      } else enter(task, to);
      return true;
    },
  };
}
