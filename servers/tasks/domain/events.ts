import type { EventType } from "../../../kernel/event-types.ts";

/** What the queue records: the families of events that are its own. */
export type TaskEventType = Extract<
  EventType,
  `${"task" | "agent" | "message" | "milestone" | "budget"}.${string}`
>;
