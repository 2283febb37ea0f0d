import type { EventRecord } from "../../../kernel/events.ts";
import { oneLine } from "../../../kernel/text.ts";

/** An event with the title of the task that it is about, where it is about one. */
export interface Told {
  readonly event: EventRecord;
  readonly title: string | undefined;
}

const TYPE = 16;
const SUBJECT = 20;

/** What happened, on one line: time, what, to which task, and what its event says of it. */
export function eventLine({ event: { at, type, subject, data }, title }: Told): string {
  return [
    at.slice(11, 19),
    type.padEnd(TYPE),
    oneLine(subject, 60).padEnd(SUBJECT),
    ...details(data),
    ...(title === undefined ? [] : [oneLine(title, 80)]),
  ].join("  ");
}

/** The fields of an event in words; the title is shown by whoever knows it whole. */
export function details(data: EventRecord["data"]): readonly string[] {
  const words = Object.entries(data)
    .filter(([name, value]) => value !== null && name !== "title" && name !== "text")
    .map(
      ([name, value]) => `${name} ${oneLine(typeof value === "string" ? value : JSON.stringify(value), 80)}`,
    );
  return words.length === 0 ? [] : [words.join(", ")];
}
