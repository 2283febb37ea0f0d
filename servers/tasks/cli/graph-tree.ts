import type { Task } from "../domain/task.ts";
import { briefRow, byAge } from "./rows.ts";

/** One line of a tree below its root. */
interface Branch {
  readonly task: Task;
  /** The task that it hangs on. */
  readonly of: string;
  readonly depth: number;
  readonly isLast: boolean;
  /** What the lines of the branches above it leave in front. */
  readonly prefix: string;
  /** Its own branches were drawn already, above. */
  readonly isKnown: boolean;
}

export interface Tree {
  readonly branches: readonly Branch[];
  /** Whether there is more than was asked for. */
  readonly isCut: boolean;
}

/** No wider than a terminal can show. */
const DEEPEST = 60;

/** Grows a tree of at most `limit` branches from a task, depth first, along `next`. */
export async function growTree(
  root: string,
  limit: number,
  next: (id: string) => Promise<readonly { readonly task: Task }[]>,
): Promise<Tree> {
  const known = new Set<string>();
  const branches: Branch[] = [];
  const waiting: Omit<Branch, "isKnown">[] = [];
  let isCut = false;
  const sprout = async (of: string, depth: number, prefix: string): Promise<void> => {
    const tasks = (await next(of)).toSorted(byAge);
    if (depth > DEEPEST) isCut ||= tasks.length > 0;
    else
      for (const [place, { task }] of tasks.toReversed().entries())
        waiting.push({ task, of, depth, isLast: place === 0, prefix });
  };
  await sprout(root, 1, "");
  for (let branch = waiting.pop(); branch !== undefined; branch = waiting.pop()) {
    if (branches.length === limit) return { branches, isCut: true };
    const isKnown = known.has(branch.task.id);
    known.add(branch.task.id);
    branches.push({ ...branch, isKnown });
    if (!isKnown)
      await sprout(branch.task.id, branch.depth + 1, branch.prefix + (branch.isLast ? "   " : "│  "));
  }
  return { branches, isCut };
}

/** The drawing of a tree, one text for each branch. */
export function treeLines({ branches }: Tree): readonly string[] {
  return branches.map(
    ({ task, isLast, prefix, isKnown }) =>
      `${prefix}${isLast ? "└─ " : "├─ "}${briefRow(task)}${isKnown ? "  (above)" : ""}`,
  );
}

/** The same as one JSON object for each branch. */
export function treeJson({ branches }: Tree, side: "waits_for" | "blocks"): readonly string[] {
  return branches.map(({ task: { id, status, title }, of, depth }) =>
    JSON.stringify({ id, status, title, side, of, depth }),
  );
}
