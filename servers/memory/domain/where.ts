import { DomainError } from "../../../kernel/errors.ts";

export interface Condition {
  readonly key: string;
  readonly any: readonly (string | number | boolean | null)[];
}

/**
 * Reads `{key: value | [values]}`: every key must hold, each with one of its values.
 *
 * @throws {DomainError} invalid for values that are neither scalars nor lists of them.
 */
export function parseWhere(where: object): readonly Condition[] {
  return Object.entries(where).map(([key, value]: [string, unknown]) => {
    const any: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (!any.every(isScalar)) {
      throw new DomainError(
        "invalid",
        "where compares metadata with strings, numbers, booleans and null only",
        { hint: "filter by other keys, or by tags" },
      );
    }
    return { key, any };
  });
}

function isScalar(value: unknown): value is string | number | boolean | null {
  return (
    value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean"
  );
}
