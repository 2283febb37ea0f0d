import type { GitPath } from "./path.ts";

/** How the two sides disagree about a file. */
export type ConflictKind =
  | "both_modified"
  | "both_added"
  | "deleted_in_source"
  | "deleted_in_target"
  | "other";

/** Lines of the merged text, 1-based and inclusive, from the opening to the closing conflict marker. */
export interface Region {
  readonly start: number;
  readonly end: number;
}

export interface SimulatedMerge {
  readonly tree: string;
  readonly clean: boolean;
  readonly conflicts: readonly { readonly path: GitPath; readonly kind: ConflictKind }[];
}

const KINDS: Readonly<Record<string, ConflictKind>> = {
  "123": "both_modified",
  "23": "both_added",
  "12": "deleted_in_source",
  "13": "deleted_in_target",
};

/**
 * Reads `git merge-tree --write-tree -z --no-messages TARGET SOURCE`: the tree, then one record per stage of each
 * conflicted file. Undefined when there is no tree, that is when git failed. Source: git-merge-tree(1), "OUTPUT".
 */
export function parseMergeTree(output: GitPath, clean: boolean): SimulatedMerge | undefined {
  const [tree, ...records] = output.split("\0");
  if (tree === undefined || !/^[0-9a-f]{40,64}$/.test(tree)) return undefined;
  const stages = new Map<GitPath, string>();
  for (const record of records) {
    const match = /^\d+ [0-9a-f]+ ([123])\t([^]+)$/.exec(record);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    stages.set(match[2], (stages.get(match[2]) ?? "") + match[1]);
  }
  const conflicts = [...stages].map(([path, found]) => ({
    path,
    kind: KINDS[[...found].sort().join("")] ?? "other",
  }));
  return { tree, clean, conflicts };
}

/** Finds the conflict regions of a merged text; none where the markers do not pair up. */
export function findRegions(text: string): readonly Region[] {
  const regions: Region[] = [];
  let start = 0;
  let line = 0;
  for (const content of text.split("\n")) {
    line += 1;
    if (/^<{7}(?: |$)/.test(content)) start = line;
    if (/^>{7}(?: |\r?$)/.test(content) && start > 0) {
      regions.push({ start, end: line });
      start = 0;
    }
  }
  return regions;
}

/** The commit message of a merge whose caller gave none. */
export function mergeMessage(source: string, target: string): string {
  return `Merge ${source} into ${target}`;
}
