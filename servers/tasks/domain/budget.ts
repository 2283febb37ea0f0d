/** What may be spent over a lifetime, however many attempts it takes; what is left out has no bound. */
export interface Budget {
  readonly tokens?: number | undefined;
  readonly usd?: number | undefined;
  /** Seconds that attempts ran, added up. */
  readonly wall_s?: number | undefined;
}

/** What was spent. Only grows. */
export interface Spent {
  readonly tokens: number;
  readonly usd: number;
  readonly wall_s: number;
}

export const NOTHING_SPENT: Spent = { tokens: 0, usd: 0, wall_s: 0 };

/** No attempt, task or milestone is booked more than this: sums stay numbers, whatever was reported. */
export const MOST: Spent = { tokens: 1e15, usd: 1e9, wall_s: 1e9 };

const DIMENSIONS = ["tokens", "usd", "wall_s"] as const;
type Dimension = (typeof DIMENSIONS)[number];

/** A milestone's budget, which many attempts draw on at once. */
export interface Purse {
  readonly milestone: string;
  readonly budget: Budget & { readonly attempts?: number | undefined };
  readonly spent: Spent & { readonly attempts: number };
  /** What running attempts have reserved. */
  readonly held: Spent;
}

/** What an attempt asks for. */
export interface Wish {
  readonly budget: Budget;
  readonly spent: Spent;
  /** Attempts that may still be made, this one included; at least 1. */
  readonly attemptsLeft: number;
  readonly leaseS: number;
}

/** So little is nothing: sums of fractions differ by more, and no lease is shorter than a millisecond. */
const NOTHING: Spent = { tokens: 0, usd: 1e-9, wall_s: 1e-3 };

/** Whether nothing is left in some dimension that has a bound. */
export function isSpent(budget: Budget, spent: Spent): boolean {
  return DIMENSIONS.some((dimension) => {
    const bound = budget[dimension];
    return bound !== undefined && bound - spent[dimension] <= NOTHING[dimension];
  });
}

/** The same for a milestone, where what running attempts have reserved is gone as well. */
export function isPurseEmpty({ budget, spent, held }: Purse): boolean {
  if ((budget.attempts ?? Number.POSITIVE_INFINITY) <= spent.attempts) return true;
  return isSpent(budget, added(spent, held));
}

/** A task of a milestone without a budget of its own reserves this part of the milestone's. */
const SLICE = 1 / 20;

/**
 * What an attempt may spend before it has reported anything, taken out of every budget above it before it starts. Of its
 * task's tokens and money that is an equal share for each attempt left, so that one that crashes silently, and is charged
 * all of it, leaves the others theirs. Time is reserved by the lease. Bounds only: what has none is not named.
 */
export function firstGrant(wish: Wish, purses: readonly Purse[]): Budget {
  return grantOf(wish, purses, NOTHING_SPENT, {});
}

/** What an attempt may spend in all after it said what it used: as much again as at first, while there is anything left. */
export function toppedUp(grant: Budget, used: Spent, wish: Wish, purses: readonly Purse[]): Budget {
  return grantOf(wish, purses, used, grant);
}

/** Whether an attempt has used what it may, and got no more. */
export function isOut(grant: Budget, used: Spent): boolean {
  return isSpent(grant, used);
}

function grantOf(wish: Wish, purses: readonly Purse[], used: Spent, grant: Budget): Budget {
  const granted = DIMENSIONS.flatMap((dimension) => {
    const portion = portionOf(dimension, wish, purses);
    if (portion === undefined) return [];
    const has = grant[dimension] ?? 0;
    const own = wish.budget[dimension];
    const free = Math.min(
      own === undefined ? Number.POSITIVE_INFINITY : own - wish.spent[dimension] - has,
      ...purses.map(({ budget, spent, held }) => {
        const cap = budget[dimension];
        return cap === undefined ? Number.POSITIVE_INFINITY : cap - spent[dimension] - held[dimension];
      }),
    );
    const wanted = used[dimension] + portion;
    return [[dimension, Math.max(has, Math.min(wanted, has + Math.max(0, free)))] as const];
  });
  return Object.fromEntries(granted);
}

function portionOf(dimension: Dimension, wish: Wish, purses: readonly Purse[]): number | undefined {
  const own = wish.budget[dimension];
  const caps = purses.flatMap(({ budget }) => budget[dimension] ?? []);
  if (own === undefined && caps.length === 0) return undefined;
  if (dimension === "wall_s") return wish.leaseS;
  const portion =
    own === undefined ? Math.min(...caps) * SLICE : (own - wish.spent[dimension]) / wish.attemptsLeft;
  // No part of a token is ever spent.
  return dimension === "tokens" ? Math.ceil(portion) : portion;
}

/** What an attempt costs that vanished: all it may have used, for nobody knows. Time is known. */
export function silentCost(grant: Budget, used: Spent): Spent {
  return {
    tokens: Math.max(used.tokens, grant.tokens ?? 0),
    usd: Math.max(used.usd, grant.usd ?? 0),
    wall_s: used.wall_s,
  };
}

/** The sum, at most `MOST`. */
export function added(a: Spent, b: Spent): Spent {
  const sum = (dimension: Dimension): number => Math.min(a[dimension] + b[dimension], MOST[dimension]);
  return { tokens: sum("tokens"), usd: sum("usd"), wall_s: sum("wall_s") };
}

/** What was spent since; never negative. */
export function spentSince(before: Spent, after: Spent): Spent {
  return {
    tokens: Math.max(0, after.tokens - before.tokens),
    usd: Math.max(0, after.usd - before.usd),
    wall_s: Math.max(0, after.wall_s - before.wall_s),
  };
}
