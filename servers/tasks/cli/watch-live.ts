import { oneLine } from "../../../kernel/text.ts";
import type { Task, TaskStatus } from "../domain/task.ts";
import type { TaskTx } from "../store/task-store.ts";
import { countsLine, percent } from "./rows.ts";
import { eventLine, type Told } from "./watch-line.ts";

/** What the picture shows of the queue itself. */
export interface QueueLook {
  readonly counts: Readonly<Partial<Record<TaskStatus, number>>>;
  /** The oldest that are out, and the oldest that could be. */
  readonly running: readonly Row[];
  readonly ready: readonly Row[];
}

type Row = Pick<Task, "id" | "claim" | "progress" | "title" | "priority">;

/** More than a terminal has rows. */
const MOST = 200;

/** Reads what one picture shows. */
export async function lookAtQueue(tx: TaskTx): Promise<QueueLook> {
  const some = (status: TaskStatus): Promise<readonly Task[]> =>
    tx.list({
      status: [status],
      type: undefined,
      milestone: undefined,
      agent: undefined,
      text: undefined,
      after: undefined,
      limit: MOST,
    });
  return { counts: await tx.counts(), running: await some("running"), ready: await some("ready") };
}

/** A picture of the queue that is drawn again and again in the same place. */
export interface Picture {
  draw(look: QueueLook, news: readonly Told[], now: number): void;
  /** Leaves the last picture. */
  end(): void;
}

/** Draws on a terminal. It may say that it has no size. */
export function livePicture(terminal: {
  readonly write: (text: string) => void;
  readonly columns: number;
  readonly rows: number;
}): Picture {
  const columns = terminal.columns > 0 ? terminal.columns : 80;
  const rows = terminal.rows > 0 ? terminal.rows : 24;
  let latest: readonly string[] = [];
  let height = 0;
  let drawn = "";
  return {
    draw(look, news, now) {
      latest = [...latest, ...news.map(eventLine)].slice(-rows);
      const lines = pictureLines(look, latest, now, rows).map((line) => fitColumns(line, columns - 1));
      const picture = lines.join("\n");
      if (picture === drawn) return;
      const up = height > 1 ? `\u001b[${height - 1}A` : "";
      terminal.write(`${up}\r\u001b[J${picture}`);
      height = lines.length;
      drawn = picture;
    },
    end: () => terminal.write("\n"),
  };
}

/** At most one line fewer than the terminal has, so that nothing scrolls: half for the queue, the rest for the news. */
export function pictureLines(
  { counts, running, ready }: QueueLook,
  latest: readonly string[],
  now: number,
  rows: number,
): readonly string[] {
  const room = Math.max(4, rows - 5);
  const out = running.slice(0, Math.ceil(room / 3)).map((task) => {
    const { claim } = task;
    const left = claim === null ? 0 : Math.max(0, Math.round((claim.expiresAt - now) / 1_000));
    const agent = oneLine(claim?.agent ?? "", 18).padEnd(12);
    return `  ${task.id}  ${agent} ${percent(task.progress).padStart(5)}  ${left} s left  ${oneLine(task.title, 200)}`;
  });
  const next = ready
    .slice(0, Math.ceil((room - out.length) / 3))
    .map((task) => `  ${task.id}  priority ${task.priority}  ${oneLine(task.title, 200)}`);
  const news = latest.slice(-Math.max(1, room - out.length - next.length)).map((line) => `  ${line}`);
  return [
    countsLine(counts),
    ...section("running", out, counts.running ?? 0),
    ...section("ready", next, counts.ready ?? 0),
    ...section("latest", news, news.length),
  ];
}

function section(title: string, lines: readonly string[], count: number): readonly string[] {
  if (count === 0) return [];
  return [count > lines.length ? `${title} (${lines.length} of ${count})` : title, ...lines];
}

/** From here on characters are two columns wide in the scripts where any are. */
const WIDE = 0x11_00;

/** Cuts a line before it would wrap: a wrapped one takes two rows, and the next picture would be drawn too low. */
export function fitColumns(line: string, columns: number): string {
  let used = 0;
  let end = 0;
  for (const character of line) {
    used += (character.codePointAt(0) ?? 0) < WIDE ? 1 : 2;
    if (used > columns) break;
    end += character.length;
  }
  return line.slice(0, end);
}
