import { DomainError } from "../../../kernel/errors.ts";
import type { Draft } from "./draft.ts";

/** What one call may carry. Bytes are of UTF-8. */
export const LIMITS = {
  items: 200,
  textBytes: 204_800,
  titleChars: 300,
  metadataBytes: 8_192,
  tags: 50,
  entities: 50,
  nameChars: 200,
  uriChars: 1_000,
  ids: 200,
  relatedEntities: 200,
  relations: 500,
  observations: 100,
  observationBytes: 4_096,
  changed: 100,
  reasonChars: 500,
} as const;

const encoder = new TextEncoder();

/** @throws {DomainError} limit naming the value, its size and the most allowed. */
export function atMost(actual: number, most: number, what: string, unit: string, hint: string): void {
  if (actual <= most) return;
  const format = (value: number): string => value.toLocaleString("en-US");
  throw new DomainError("limit", `${what} has ${format(actual)} ${unit}, at most ${format(most)} are taken`, {
    hint,
  });
}

export function byteLength(text: string): number {
  return encoder.encode(text).byteLength;
}

/**
 * Refuses an item that is too large or that could not be given back exactly as it came. `where` names it, such as
 * `items[3]`.
 *
 * @throws {DomainError} limit or invalid.
 */
export function checkDraft(draft: Draft, where: string): void {
  const shorten = "shorten it";
  atMost(
    byteLength(draft.text),
    LIMITS.textBytes,
    `${where}.text`,
    "bytes",
    "split it into several memories of one thread; thread.seq keeps their order",
  );
  atMost(draft.title?.length ?? 0, LIMITS.titleChars, `${where}.title`, "characters", shorten);
  atMost(draft.tags?.length ?? 0, LIMITS.tags, `${where}.tags`, "entries", shorten);
  atMost(draft.entities?.length ?? 0, LIMITS.entities, `${where}.entities`, "entries", "split the item");
  const names = [...(draft.tags ?? []), ...(draft.entities ?? []).flatMap(({ name, type }) => [name, type])];
  names.push(draft.thread?.id ?? "", draft.thread?.session ?? "", draft.thread?.author ?? "");
  names.push(draft.task_id ?? "");
  for (const name of names)
    atMost(name.length, LIMITS.nameChars, `a name in ${where}`, "characters", shorten);
  for (const place of [draft.source?.uri, draft.source?.path, draft.source?.commit]) {
    atMost(place?.length ?? 0, LIMITS.uriChars, `${where}.source`, "characters", shorten);
  }
  if (draft.text.trim() === "")
    throw new DomainError("invalid", `${where}.text is empty`, { hint: "give the text to remember" });
  if ((draft.entities ?? []).some(({ name, type }) => name.trim() === "" || type.trim() === "")) {
    throw new DomainError("invalid", `${where}.entities has an empty name or type`, {
      hint: "name it, or leave it out",
    });
  }
  refuseBroken(draft, where);
  if (draft.metadata !== undefined) {
    atMost(
      byteLength(JSON.stringify(draft.metadata)),
      LIMITS.metadataBytes,
      `${where}.metadata`,
      "bytes",
      "keep bulk in the text",
    );
  }
}

/**
 * Refuses NUL and lone surrogates anywhere in a value: SQLite's text functions stop at a NUL and UTF-8 has no form
 * for half a surrogate pair, so neither would come back as it was given.
 *
 * @throws {DomainError} invalid naming the place.
 */
export function refuseBroken(value: unknown, where: string): void {
  if (typeof value === "string") {
    const problem = value.includes("\0")
      ? "a NUL character"
      : value.isWellFormed()
        ? undefined
        : "a lone surrogate";
    if (problem !== undefined)
      throw new DomainError("invalid", `${where} holds ${problem}`, {
        hint: "remove it; everything else is kept byte for byte",
      });
  } else if (Array.isArray(value)) {
    value.forEach((entry: unknown, index) => refuseBroken(entry, `${where}[${index}]`));
  } else if (value !== null && typeof value === "object") {
    for (const [key, entry] of Object.entries(value)) {
      refuseBroken(key, `a key of ${where}`);
      refuseBroken(entry, `${where}.${key.toWellFormed().slice(0, 40)}`);
    }
  }
}
