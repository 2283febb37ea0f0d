/** A function of a source file: its place in characters (`end` is outside) and in lines from 1, both ends inside. */
export interface FunctionSpan {
  readonly start: number;
  readonly end: number;
  readonly firstLine: number;
  readonly lastLine: number;
}

/** The functions that a change touches, and how many paths lead through the one with most. */
export interface PathComplexity {
  readonly functions: number;
  /** 1 for straight code, and 0 where no function was touched. */
  readonly largest: number;
}

/**
 * Paths through the functions that changed lines lie in: one, and one more for every decision. A decision belongs to the
 * innermost function around it, and so does a line.
 *
 * Source: McCabe, A Complexity Measure, IEEE TSE 2(4), 1976 (with short-circuit operators counted, section IV).
 *
 * @param decisions Where the decisions are, in characters.
 * @param changed Lines from 1.
 */
export function pathComplexity(
  functions: readonly FunctionSpan[],
  decisions: readonly number[],
  changed: readonly number[],
): PathComplexity {
  const sorted = functions.toSorted((a, b) => a.start - b.start || b.end - a.end);
  const paths = new Map(sorted.map((each) => [each, 1]));
  const around = innermost(sorted, (each) => [each.start, each.end - 1]);
  for (const at of decisions.toSorted((a, b) => a - b)) {
    const owner = around(at);
    if (owner !== undefined) paths.set(owner, (paths.get(owner) ?? 1) + 1);
  }
  const touching = innermost(sorted, (each) => [each.firstLine, each.lastLine]);
  const touched = new Set<FunctionSpan>();
  for (const line of changed.toSorted((a, b) => a - b)) {
    const owner = touching(line);
    if (owner !== undefined) touched.add(owner);
  }
  return {
    functions: touched.size,
    largest: [...touched].reduce((most, each) => Math.max(most, paths.get(each) ?? 1), 0),
  };
}

/** Looks up the innermost span around places that are asked for in rising order; each span is looked at once. */
function innermost(
  sorted: readonly FunctionSpan[],
  range: (span: FunctionSpan) => readonly [first: number, last: number],
): (at: number) => FunctionSpan | undefined {
  const open: FunctionSpan[] = [];
  let next = 0;
  const closeBefore = (at: number): void => {
    for (let top = open.at(-1); top !== undefined && range(top)[1] < at; top = open.at(-1)) open.pop();
  };
  return (at) => {
    for (let span = sorted[next]; span !== undefined && range(span)[0] <= at; span = sorted[next]) {
      closeBefore(range(span)[0]);
      open.push(span);
      next += 1;
    }
    closeBefore(at);
    return open.at(-1);
  };
}
