/**
 * Looks for a circle among named things, each with the names it depends on; unknown names are ignored.
 * Returns the circle with its first name again at the end, or null. Depth first without recursion, so that a chain
 * of ten thousand does not exhaust the stack.
 */
export function findCycle(dependsOn: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const done = new Set<string>();
  for (const start of dependsOn.keys()) {
    const path: { readonly name: string; next: number }[] = done.has(start) ? [] : [{ name: start, next: 0 }];
    const onPath = new Set([start]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const child = dependsOn.get(top.name)?.[top.next];
      top.next += 1;
      if (child === undefined) {
        done.add(top.name);
        onPath.delete(top.name);
        path.pop();
      } else if (onPath.has(child)) {
        const names = path.map((step) => step.name);
        return [...names.slice(names.indexOf(child)), child];
      } else if (dependsOn.has(child) && !done.has(child)) {
        onPath.add(child);
        path.push({ name: child, next: 0 });
      }
    }
  }
  return null;
}
