import { DomainError } from "../../../../kernel/errors.ts";
import type { LogisticState } from "./online-logistic.ts";

const FORMAT = "slipway.online-logistic";
const VERSION = 1;

/** The model as versioned JSON with a checksum. Numbers are kept to the last bit. */
export function saveModel(state: LogisticState): string {
  const body = JSON.stringify(ordered(state));
  return JSON.stringify({
    format: FORMAT,
    version: VERSION,
    checksum: checksumOf(body),
    state: ordered(state),
  });
}

/**
 * Reads what `saveModel` wrote for a model of `size` inputs.
 *
 * @throws {DomainError} invalid for another format, version or size, a wrong checksum or numbers that cannot be.
 */
export function readModel(text: string, size: number): LogisticState {
  const file = parsed(text);
  if (!isRecord(file) || file["format"] !== FORMAT) throw refusal("is not a saved model");
  if (file["version"] !== VERSION)
    throw refusal(`has version ${String(file["version"])}, this reads ${VERSION}`);
  const state = file["state"];
  if (!isRecord(state)) throw refusal("holds no state");
  const width = size + 1;
  const read: LogisticState = {
    counts: numbers(state["counts"], size, 0),
    means: numbers(state["means"], size),
    squares: numbers(state["squares"], size, 0),
    seen: whole(state["seen"]),
    learned: whole(state["learned"]),
    weights: numbers(state["weights"], width),
    covariance: numbers(state["covariance"], width * width),
  };
  if (file["checksum"] !== checksumOf(JSON.stringify(ordered(read))))
    throw refusal("does not match its checksum");
  return read;
}

function ordered(state: LogisticState): LogisticState {
  const { counts, means, squares, seen, learned, weights, covariance } = state;
  return { counts, means, squares, seen, learned, weights, covariance };
}

/**
 * FNV-1a, 32 bits, in hexadecimal, over UTF-16 units: finds damage, not forgery.
 *
 * Source: Fowler, Noll and Vo, RFC 9923.
 */
function checksumOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numbers(value: unknown, length: number, least = Number.NEGATIVE_INFINITY): readonly number[] {
  if (!Array.isArray(value) || value.length !== length) throw refusal(`is not for a model of this size`);
  return value.map((item: unknown) => {
    if (typeof item !== "number" || !Number.isFinite(item) || item < least)
      throw refusal("holds a bad number");
    return item;
  });
}

function whole(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw refusal("holds a bad count");
  return value;
}

function refusal(why: string): DomainError {
  return new DomainError("invalid", `the model ${why}`, {
    hint: "go back to the last good one, or train anew",
  });
}
