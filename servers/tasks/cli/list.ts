import { DomainError } from "../../../kernel/errors.ts";
import { nearest, parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command } from "../../../kernel/io.ts";
import { isFinished, TASK_STATUSES, type Task, type TaskStatus } from "../domain/task.ts";
import type { TaskQuery } from "../store/task-store.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { taskDetail } from "../tools/answer.ts";
import { COMMON, withQueue } from "./queue.ts";
import { countsLine, TASK_HEAD, taskRow } from "./rows.ts";

const HELP = `slipway tasks list [flags]

Tasks that are not over, oldest first, one a line. With any --status, or --all, those that are over, too.

  --status S      only in this state (may be repeated): ${TASK_STATUSES.join(", ")}
  --all           in every state
  --type T        only of this type
  --milestone M   only of this milestone
  --agent A       only worked on by A, or meant for A
  --text T        only where title or description contains T
  --limit N       at most so many lines (100)
  --json          one JSON object a line, with everything known about the task
  --home DIR      state folder`;

/** How many tasks are read at once. */
const PAGE = 500;

/** `slipway tasks list`: rows on stdout, what they mean on stderr. */
export const listCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    {
      ...COMMON,
      status: { type: "string", multiple: true },
      all: { type: "boolean" },
      type: { type: "string" },
      milestone: { type: "string" },
      agent: { type: "string" },
      text: { type: "string" },
      limit: { type: "string" },
    },
    0,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const named = flags.texts("status").map(statusOf);
  const isJson = flags.has("json");
  const limit = flags.int("limit", 1, 10_000_000) ?? 100;
  const filter = {
    status: named.length > 0 ? named : flags.has("all") ? undefined : OPEN,
    type: flags.text("type"),
    milestone: flags.text("milestone"),
    agent: flags.text("agent"),
    text: flags.text("text"),
  };
  return withQueue(flags, io, async ({ deps: { store, clock }, call }) => {
    await settleBeforeReading(store, call, clock());
    const list = (query: TaskQuery): Promise<readonly Task[]> => store.read((tx) => tx.list(query));
    let shown = 0;
    let after: string | undefined;
    while (!io.signal.aborted) {
      const left = limit - shown;
      const page = await list({ ...filter, after, limit: Math.min(PAGE, left + 1) });
      const taken = page.slice(0, left);
      if (shown === 0 && taken.length > 0 && !isJson) io.err(TASK_HEAD);
      for (const task of taken)
        io.out(isJson ? JSON.stringify(taskDetail(task, Number.POSITIVE_INFINITY)) : taskRow(task));
      shown += taken.length;
      after = taken.at(-1)?.id;
      if (taken.length < page.length) io.err(`there are more: --limit N shows more than ${limit}`);
      if (taken.length < page.length || page.length < PAGE) break;
    }
    if (io.signal.aborted) return EXIT.interrupted;
    if (!isJson) io.err(countsLine(await store.read((tx) => tx.counts())));
    return EXIT.done;
  });
};

const OPEN = TASK_STATUSES.filter((status) => !isFinished(status));

function statusOf(word: string): TaskStatus {
  const status = TASK_STATUSES.find((known) => known === word);
  if (status !== undefined) return status;
  const near = nearest(word, TASK_STATUSES);
  throw new DomainError("invalid", `there is no state "${word}"`, {
    hint: near === undefined ? `one of ${TASK_STATUSES.join(", ")}` : `did you mean ${near}?`,
  });
}
