/** Runs work one piece at a time per key, in the order asked. */
export type KeyedMutex = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** In-process only: other processes are met by compare-and-swap and by git's own lock files. */
export function keyedMutex(): KeyedMutex {
  const tails = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const turn = (tails.get(key) ?? Promise.resolve()).then(work);
    const tail = turn.catch(() => undefined);
    tails.set(key, tail);
    // Without this the map would grow with every repository ever touched.
    void tail.then(() => {
      if (tails.get(key) === tail) tails.delete(key);
    });
    return turn;
  };
}
