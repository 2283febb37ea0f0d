/** Counts what goes on under a name. */
export interface Tally {
  has(name: string): boolean;
  /** Counts one until the work ends. */
  during<T>(name: string, work: () => Promise<T>): Promise<T>;
}

export function newTally(): Tally {
  const counts = new Map<string, number>();
  return {
    has: (name) => counts.has(name),
    async during(name, work) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      try {
        return await work();
      } finally {
        const left = (counts.get(name) ?? 1) - 1;
        if (left === 0) counts.delete(name);
        else counts.set(name, left);
      }
    },
  };
}
