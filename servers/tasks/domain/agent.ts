/** Somebody who works on tasks and said so. Work is given to those who never did, too. */
export interface Agent {
  readonly name: string;
  readonly role: string | null;
  /** What it can always do, whether or not a claim names it. */
  readonly capabilities: readonly string[];
  /** How many tasks it may hold at once, or null for any number. */
  readonly maxConcurrent: number | null;
  readonly isRetired: boolean;
  /** Epoch milliseconds. */
  readonly registeredAt: number;
  /** When it last claimed, reported or ended work; epoch milliseconds. */
  readonly lastCallAt: number;
  /** When it was found to have vanished, or null; the next word from it ends that. Epoch milliseconds. */
  readonly lostAt: number | null;
}

export interface Registration {
  readonly name: string;
  readonly role: string | undefined;
  readonly capabilities: readonly string[] | undefined;
  readonly maxConcurrent: number | undefined;
  readonly retire: boolean;
}

/** Makes an agent known, or changes it: what is left out stays, and whoever is retired comes back unless told to stay. */
export function registered(known: Agent | undefined, wish: Registration, now: number): Agent {
  return {
    name: wish.name,
    role: wish.role ?? known?.role ?? null,
    capabilities: wish.capabilities ?? known?.capabilities ?? [],
    maxConcurrent: wish.maxConcurrent ?? known?.maxConcurrent ?? null,
    isRetired: wish.retire,
    registeredAt: known?.registeredAt ?? now,
    lastCallAt: now,
    lostAt: null,
  };
}

export type Health = "active" | "idle" | "lost" | "retired";

const ACTIVE_MS = 5 * 60_000;
/** Whoever holds nothing and says nothing for so long is lost. */
export const IDLE_MS = 60 * 60_000;

/** Whether an agent is there: holding a task counts, because a lease that nobody renews ends by itself. */
export function healthOf(agent: Agent, load: number, now: number): Health {
  if (agent.isRetired) return "retired";
  if (agent.lostAt !== null) return "lost";
  const silentMs = now - agent.lastCallAt;
  if (load > 0 || silentMs <= ACTIVE_MS) return "active";
  return silentMs <= IDLE_MS ? "idle" : "lost";
}

/**
 * Whether an agent vanished, given since when it owed a word: the last renewal of a lease that ran out. One that called
 * since, about another task, is there.
 */
export function isVanished(agent: Agent, owedSince: number): boolean {
  return !agent.isRetired && agent.lostAt === null && agent.lastCallAt <= owedSince;
}

/** Why an agent gets no task now, or null where it may have one. */
export function whyNoClaim(agent: Agent, load: number): string | null {
  if (agent.isRetired) return `${agent.name} is retired: register_agent brings it back`;
  if (agent.maxConcurrent !== null && load >= agent.maxConcurrent)
    return `${agent.name} holds ${load} of at most ${agent.maxConcurrent} tasks at once: complete or release one first`;
  return null;
}
