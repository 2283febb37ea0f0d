import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command } from "../../../kernel/io.ts";
import { openGraph } from "../domain/analysis/graph.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { levelLines, levelsJson } from "./graph-levels.ts";
import { growTree, treeJson, treeLines, type Tree } from "./graph-tree.ts";
import { COMMON, mustFind, withQueue } from "./queue.ts";
import { briefRow, countsLine } from "./rows.ts";

const HELP = `slipway tasks graph [id] [--limit N] [--json] [--home DIR]

Without an id: the work that is left, level by level. A task waits only for tasks of levels above its own; after "<-"
stand the numbers of those rows. With an id: two trees, what the task waits for and what waits for it.

  --limit N   at most so many rows, or so many in each tree (200)
  --json      one JSON object a line; levels: id, status, title, level, depends_on; trees: id, status, title, side, of, depth
  --home DIR  state folder`;

/** More than a store is made for; what is drawn has its own limit. */
const MOST = 5_000_000;

/** `slipway tasks graph [id]`: the drawing on stdout, what was left out on stderr. */
export const graphCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, { ...COMMON, limit: { type: "string" } }, 1);
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const limit = flags.int("limit", 1, 100_000) ?? 200;
  const isJson = flags.has("json");
  const [id] = flags.words;
  return withQueue(flags, io, async ({ deps: { store, clock }, call }) => {
    await settleBeforeReading(store, call, clock());
    if (id === undefined) {
      const { graph, counts } = await store.read(async (tx) => ({
        graph: openGraph(await tx.openTasks(MOST), await tx.openEdges(MOST)),
        counts: await tx.counts(),
      }));
      const rows = isJson ? levelsJson(graph) : levelLines(graph);
      for (const row of rows.slice(0, limit)) io.out(row);
      if (rows.length > limit) io.err(more(limit));
      if (!isJson) io.err(countsLine(counts));
      return EXIT.done;
    }
    const { root, needs, blocks } = await store.read(async (tx) => ({
      root: await mustFind(tx, id),
      needs: await growTree(id, limit, (of) => tx.dependencies(of)),
      blocks: await growTree(id, limit, (of) => tx.dependents(of)),
    }));
    const lines = isJson
      ? [
          JSON.stringify({ id: root.id, status: root.status, title: root.title, side: "root", depth: 0 }),
          ...treeJson(needs, "waits_for"),
          ...treeJson(blocks, "blocks"),
        ]
      : [briefRow(root), ...titled("waits for", needs), ...titled("blocks", blocks)];
    for (const line of lines) io.out(line);
    if (needs.isCut || blocks.isCut) io.err(more(limit));
    return EXIT.done;
  });
};

function titled(title: string, tree: Tree): readonly string[] {
  return tree.branches.length === 0 ? [`${title} nothing`] : [title, ...treeLines(tree)];
}

function more(limit: number): string {
  return `there is more: --limit N shows more than ${limit}`;
}
