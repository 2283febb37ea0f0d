/**
 * The `most` best of the numbers 0 to `count` - 1, best first; `score` of 0 or less is not among them, `before`
 * decides between equals. A heap of `most` entries: the rest is only looked at.
 */
export function bestOf(
  count: number,
  most: number,
  score: (index: number) => number,
  before: (a: number, b: number) => number,
): readonly number[] {
  const heap: number[] = [];
  const values: number[] = [];
  /** Whether the entry at `a` is worse than the one at `b`: the worst is on top. */
  const isWorse = (a: number, b: number): boolean => {
    const difference = (values[a] ?? 0) - (values[b] ?? 0);
    return difference !== 0 ? difference < 0 : before(heap[a] ?? 0, heap[b] ?? 0) > 0;
  };
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b] ?? 0, heap[a] ?? 0];
    [values[a], values[b]] = [values[b] ?? 0, values[a] ?? 0];
  };
  const sink = (): void => {
    for (let at = 0; ;) {
      let worst = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && isWorse(child, worst)) worst = child;
      if (worst === at) return;
      swap(at, worst);
      at = worst;
    }
  };
  for (let index = 0; index < count; index += 1) {
    const value = score(index);
    if (!(value > 0)) continue;
    if (heap.length < most) {
      heap.push(index);
      values.push(value);
      for (let at = heap.length - 1; at > 0;) {
        const parent = (at - 1) >> 1;
        if (!isWorse(at, parent)) break;
        swap(at, parent);
        at = parent;
      }
    } else {
      const worst = values[0] ?? 0;
      if (value < worst || (value === worst && before(index, heap[0] ?? 0) > 0)) continue;
      heap[0] = index;
      values[0] = value;
      sink();
    }
  }
  return heap
    .map((index, at) => ({ index, value: values[at] ?? 0 }))
    .sort((a, b) => b.value - a.value || before(a.index, b.index))
    .map(({ index }) => index);
}
