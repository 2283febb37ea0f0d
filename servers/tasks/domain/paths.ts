/**
 * Whether two globs may name a common file. Only the part before the first wildcard is compared, segment by
 * segment and in any case, so the answer errs on the side of "yes": two tasks are kept apart rather than mixed.
 */
export function globsOverlap(a: string, b: string): boolean {
  const left = literalPrefix(a);
  const right = literalPrefix(b);
  const shared = Math.min(left.length, right.length);
  // Where one prefix ends, its wildcard or the folder it names reaches into the rest of the other.
  for (let i = 0; i < shared; i += 1) if (left[i] !== right[i]) return false;
  return true;
}

/** Whether any glob of one list may meet any of the other; an empty list reserves nothing. */
export function reservationsOverlap(a: readonly string[], b: readonly string[]): boolean {
  return a.some((left) => b.some((right) => globsOverlap(left, right)));
}

// Wildcards, classes, braces, extended globs such as @(a|b), negation, and the escape that could hide any of them.
const WILD = /[*?[\]{}()!+@|\\]/;

function literalPrefix(glob: string): readonly string[] {
  const segments: string[] = [];
  // One file may be spelled in two cases, or with composed and combining letters, where the file system says so.
  for (const segment of glob.normalize("NFC").toLowerCase().split("/")) {
    // Above the top nothing is known: such a glob meets everything.
    if (WILD.test(segment) || (segment === ".." && segments.length === 0)) break;
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments;
}
