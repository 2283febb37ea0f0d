import { silentLog } from "../../kernel/log.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { createTasksServer, openTaskStore, type TaskStore } from "../../servers/tasks/index.ts";
import type { CheckedReceipt } from "../../servers/tasks/domain/evidence.ts";

/**
 * A tasks server on a clock and ids that the test decides. A receipt is genuine here when it starts with "ok:" or
 * "bad:"; then comes the command, and where it matters the tree and "old" or "bare". `watch` may put something between the server and its store.
 */
export function tasksForTest(
  path = ":memory:",
  watch: (store: TaskStore) => TaskStore = (store) => store,
): { readonly server: ToolServer; advance(ms: number): void } {
  let now = Date.UTC(2026, 0, 1);
  let ids = 0;
  let tokens = 0;
  const server = createTasksServer({
    store: watch(openTaskStore(path, () => now)),
    clock: () => now,
    newId: (prefix) => {
      ids += 1;
      return `${prefix}_${String(ids).padStart(4, "0")}`;
    },
    newToken: () => {
      tokens += 1;
      return `clm_${tokens}`;
    },
    random: () => 0,
    checkReceipt: (receipt) => checkReceipt(receipt, now),
    log: silentLog,
  });
  return {
    server,
    advance(ms) {
      now += ms;
    },
  };
}

function checkReceipt(receipt: string, now: number): CheckedReceipt | null {
  const [kind, command, tree = "tree", how = ""] = receipt.split(":", 4);
  if (command === undefined || (kind !== "ok" && kind !== "bad")) return null;
  return {
    isFor: (wanted) => wanted === command,
    tree,
    outcome: "exited",
    exitCode: kind === "ok" ? 0 : 1,
    startedAt: how === "old" ? 0 : now,
    isPlain: how !== "bare",
  };
}
