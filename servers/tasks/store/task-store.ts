import type { Store } from "../../../kernel/store.ts";
import type { Agent } from "../domain/agent.ts";
import type { Purse } from "../domain/budget.ts";
import type { Counted } from "../domain/roadmap.ts";
import type { Milestone } from "../domain/milestone.ts";
import type { Dependency } from "../domain/batch.ts";
import type { TaskEventType } from "../domain/events.ts";
import type { OpenEdge, OpenTask } from "../domain/analysis/graph.ts";
import type { Message } from "../domain/message.ts";
import type { LostClaim, Orphan } from "../domain/orphan.ts";
import type { Task, TaskStatus } from "../domain/task.ts";

/** Which ready tasks an agent may take. */
export interface ReadyFilter {
  readonly agent: string;
  readonly taskId: string | undefined;
  readonly milestone: string | undefined;
  /** What the agent can do: tasks that need more are left aside. */
  readonly capabilities: readonly string[];
  /** Milestones whose tasks are left aside. */
  readonly without: readonly string[];
  /** Leaves tasks aside that reserve paths. */
  readonly withoutPaths: boolean;
}

export interface TaskQuery {
  readonly status: readonly TaskStatus[] | undefined;
  readonly type: string | undefined;
  readonly milestone: string | undefined;
  readonly agent: string | undefined;
  /** A text that title or description contains, in any case. */
  readonly text: string | undefined;
  /** Only tasks created after this one; ids sort by age. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** A glob that a running task keeps to itself. */
export interface Reservation {
  readonly task: string;
  readonly agent: string | null;
  readonly path: string;
}

/** Reads over the whole queue. They cost more the more is open, so no claim makes them. */
export interface AnalysisTx {
  /** Tasks that are not over, oldest first. */
  openTasks(limit: number): Promise<readonly OpenTask[]>;
  /** Ready tasks in the order they are given out. */
  readyFirst(limit: number): Promise<readonly { readonly id: string; readonly title: string }[]>;
  /** The open tasks that wait for a task, at once or by others, nearest first. */
  openBelow(id: string, limit: number): Promise<readonly string[]>;
  /** Dependencies between tasks that are not over, in no order. */
  openEdges(limit: number): Promise<readonly OpenEdge[]>;
  /** How long the latest attempts took, in seconds, and whether they were completed. */
  attempts(limit: number): Promise<readonly { readonly seconds: number; readonly isDone: boolean }[]>;
  /** How many agents hold a task. */
  busyAgents(): Promise<number>;
  reservations(): Promise<readonly Reservation[]>;
}

/** The agents that registered. */
export interface AgentTx {
  findAgent(name: string): Promise<Agent | undefined>;
  saveAgent(agent: Agent): Promise<void>;
  /** Notes that an agent was heard of; nothing for one that never registered. */
  noteCall(name: string, now: number): Promise<void>;
  /** Agents that hold nothing, have said nothing since, and are not known to be lost; the longest silent first. */
  silentAgents(since: number, limit: number): Promise<readonly Agent[]>;
  /** Whether anybody else is there: holds a task, or is registered and was heard of since. */
  hasOthers(name: string, since: number): Promise<boolean>;
  /** How many tasks an agent holds, registered or not. */
  loadOf(name: string): Promise<number>;
  /** By name, those after `after`. */
  agents(after: string, limit: number): Promise<readonly { readonly agent: Agent; readonly load: number }[]>;
}

export interface MessageQuery {
  /** Gets nothing back that it sent, unless it wrote to itself. */
  readonly reader: string;
  readonly addresses: readonly string[];
  /** A `seq`. */
  readonly after: number;
  readonly limit: number;
}

/** Messages, and how far each agent has read. */
export interface MessageTx {
  /** Returns its `seq`. */
  addMessage(message: Omit<Message, "seq">): Promise<number>;
  /** In the order of sending. */
  messages(query: MessageQuery): Promise<readonly Message[]>;
  /** The `seq` up to which an agent has read, 0 before its first reading. */
  messageCursor(agent: string): Promise<number>;
  /** Never back. */
  moveMessageCursor(agent: string, seq: number): Promise<void>;
}

/** Claims that were taken from their holders, and what these handed in too late. */
export interface OrphanTx {
  noteLostClaim(claim: LostClaim): Promise<void>;
  findLostClaim(token: string): Promise<LostClaim | undefined>;
  /** Keeps what a lost claim's holder handed in; a second time replaces the first. */
  keepOrphan(token: string, result: Pick<Orphan, "output" | "artifacts" | "at">): Promise<void>;
  /** The latest attempts first. */
  orphans(taskId: string, limit: number): Promise<readonly Orphan[]>;
}

/** Milestones, and the ledger of what their tasks spent. */
export interface MilestoneTx {
  findMilestone(name: string): Promise<Milestone | undefined>;
  saveMilestone(milestone: Milestone): Promise<void>;
  /** By name. */
  milestones(): Promise<readonly Milestone[]>;
  /** How many tasks name each milestone, set or not. */
  milestoneCounts(): Promise<readonly Counted[]>;
  /** The budgets that an attempt at a task of this milestone draws on: its own and those above it. */
  purses(milestone: string): Promise<readonly Purse[]>;
  /** Those of these milestones that have a budget. */
  pursesOf(milestones: readonly Milestone[]): Promise<readonly Purse[]>;
  /** The milestone itself and all below it. */
  milestonesBelow(name: string): Promise<readonly string[]>;
  /** How many levels of milestones nest below this one; 0 where it has none. */
  levelsBelow(name: string): Promise<number>;
  /** Adds to what the tasks of a milestone spent; nothing takes away from it. */
  charge(milestone: string, cost: Purse["spent"]): Promise<void>;
}

/** What the tasks store offers inside one transaction. Implemented on SQLite; shaped for PostgreSQL. */
export interface TaskTx extends AnalysisTx, AgentTx, MessageTx, MilestoneTx, OrphanTx {
  add(task: Task, dependsOn: readonly Dependency[]): Promise<void>;
  find(id: string): Promise<Task | undefined>;
  /** The running task that this token holds, or undefined: the token is stale or unknown. */
  findByToken(token: string): Promise<Task | undefined>;
  save(task: Task): Promise<void>;
  /** Ready tasks in the order they are given out; `after` is the last one of the page before. */
  readyPage(filter: ReadyFilter, after: Task | undefined, limit: number): Promise<readonly Task[]>;
  /** How many ready tasks the agent could have, but for what they need. */
  needing(filter: Omit<ReadyFilter, "without" | "withoutPaths">): Promise<number>;
  /** Globs that running tasks have reserved. */
  reservedPaths(): Promise<readonly string[]>;
  /** Ids of scheduled tasks whose time has come and running ones whose lease ran out, oldest first. */
  due(now: number, limit: number): Promise<readonly string[]>;
  /** Ids of running tasks that were renewed, or changed otherwise, after a time. */
  renewedAfter(at: number, limit: number): Promise<readonly string[]>;
  /** Leaves what is due at a task undone until then. Its own fields stay as they are. */
  putOff(id: string, until: number): Promise<void>;
  /** Runs `work`, and undoes what it changed where it throws, without undoing what was changed before. */
  isolated<T>(work: () => Promise<T>): Promise<T>;
  /** The dependents, but for those of these kinds that are blocked by others, too: `countDown` is for them. */
  dependentsBut(
    id: string,
    kinds: readonly ("success" | "finish")[],
  ): Promise<readonly { readonly task: Task; readonly on: "success" | "finish" }[]>;
  /** Counts one open dependency less at the dependents that `dependentsBut` leaves out, as `afterDependency` does. */
  countDown(id: string, kinds: readonly ("success" | "finish")[], now: number): Promise<void>;
  dependents(id: string): Promise<readonly { readonly task: Task; readonly on: "success" | "finish" }[]>;
  dependencies(id: string): Promise<readonly { readonly task: Task; readonly on: "success" | "finish" }[]>;
  /** Takes dependencies of a task away, then adds others; one that is there already waits for what is now named. */
  changeDependencies(id: string, remove: readonly string[], add: readonly Dependency[]): Promise<void>;
  /** Every dependency by which these tasks, or any they wait for, may still be held up. */
  edgesAbove(ids: readonly string[]): Promise<readonly OpenEdge[]>;
  list(query: TaskQuery): Promise<readonly Task[]>;
  /** The sequence number of the newest event, 0 where there is none. */
  lastEvent(): Promise<number>;
  counts(): Promise<Readonly<Partial<Record<TaskStatus, number>>>>;
}

export type TaskStore = Store<TaskTx & { readonly emit: TaskEmit }>;

/** Records what happened to a task, an agent or a message in the transaction that made it happen. */
export type TaskEmit = (
  type: TaskEventType,
  subject: string,
  data: Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>,
) => void;
