/** A queue that gives out its smallest item first; among equals in any order. */
export interface Heap<T> {
  readonly size: () => number;
  readonly push: (item: T) => void;
  /** Takes the smallest item out, or gives undefined where there is none. */
  readonly pop: () => T | undefined;
}

/** Source: J. W. J. Williams, Algorithm 232 (Heapsort), CACM 7(6), 1964. */
export function heap<T>(isBefore: (a: T, b: T) => boolean): Heap<T> {
  const items: T[] = [];
  const sink = (item: T): void => {
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      let smaller = items[child];
      const other = items[child + 1];
      if (smaller === undefined) break;
      if (other !== undefined && isBefore(other, smaller)) {
        child += 1;
        smaller = other;
      }
      if (!isBefore(smaller, item)) break;
      items[place] = smaller;
      place = child;
    }
    items[place] = item;
  };
  return {
    size: () => items.length,
    push(item) {
      let place = items.length;
      items.push(item);
      while (place > 0) {
        const above = (place - 1) >> 1;
        const parent = items[above];
        if (parent === undefined || !isBefore(item, parent)) break;
        items[place] = parent;
        place = above;
      }
      items[place] = item;
    },
    pop() {
      const first = items[0];
      const last = items.pop();
      if (last !== undefined && items.length > 0) sink(last);
      return first;
    },
  };
}
