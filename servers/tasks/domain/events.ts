import { EVENT_TYPES, type EventType } from "../../../kernel/event-types.ts";

const FAMILIES = ["task", "agent", "message", "milestone", "budget"] as const;

/** What the queue records: the families of events that are its own. */
export type TaskEventType = Extract<EventType, `${(typeof FAMILIES)[number]}.${string}`>;

export const TASK_EVENT_TYPES: readonly TaskEventType[] = EVENT_TYPES.filter((type) => isTaskEventType(type));

function isTaskEventType(type: EventType): type is TaskEventType {
  return FAMILIES.some((family) => type.startsWith(`${family}.`));
}
