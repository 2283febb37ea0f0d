import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Receipt } from "../../kernel/receipts.ts";
import type { Hosts } from "../hosts.ts";
import type { Plan, PlanTask } from "../plan/plan.ts";
import type { Runner } from "../runners/runner.ts";
import type { Journal } from "./journal.ts";
import type { RunOptions } from "./options.ts";
import type { Prepared } from "./prepared.ts";
import type { WorktreeFiles } from "./worktree-files.ts";

/** Who fills the roles of a run. */
export interface Crew {
  /** The implementer for a task, which may name a runner of its own. */
  implementer(runner: string | undefined): Runner;
  /** Null where no model is configured: what it would have judged is then noted as not available. */
  readonly planner: Runner | null;
  readonly reviewer: Runner | null;
}

/** Everything a run works with. */
export interface RunContext {
  readonly options: RunOptions;
  readonly journal: Journal;
  readonly hosts: Hosts;
  readonly files: WorktreeFiles;
  readonly crew: Crew;
  /** What a receipt says, or null when it is not genuine. */
  readonly readReceipt: (token: string) => Receipt | null;
  /** Lets one landing pass at a time. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Aborts when the run should stop at the next safe point. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
  readonly sleep: (ms: number) => Promise<void>;
}

/** A run whose plan stands and whose tasks are in the queue. */
export interface PlannedRun extends RunContext {
  readonly plan: Plan;
  /** What setup made, which every sandbox begins with; null for nothing. */
  readonly prepared: Prepared | null;
}

export interface PlannedTask extends PlanTask {
  /** Its id in the tasks server. */
  readonly id: string;
}

/** The name of one step of one attempt in the journal. The run counts its attempts itself: a queue also counts claims that a crash or a long wait let lapse. */
export function stepKey(task: PlanTask, attempt: number, name: string): string {
  return `t/${task.ref}/a${attempt}/${name}`;
}

/** A sandbox's name: it begins with the run's id, by which a resumed run finds what its killed life left. */
export function sandboxName(run: RunContext, task: PlanTask, attempt: number, purpose: string): string {
  // The sandbox server takes 63 characters; a ref may have 60.
  return `${run.journal.runId}-${task.ref.slice(0, 20)}-a${attempt}-${purpose}`;
}

/** Thrown between two steps when the run was told to stop; everything done so far is in the journal. */
export class Interrupted extends Error {}

export function stopHere(signal: AbortSignal): void {
  if (signal.aborted) throw new Interrupted("the run was told to stop");
}
