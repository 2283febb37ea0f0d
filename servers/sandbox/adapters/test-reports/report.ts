import type { TestCase } from "../../domain/test-report.ts";

/**
 * Reads a report as hostile input and hands over each test.
 *
 * @param root The workspace's path, as the tests saw it.
 * @throws {DomainError} invalid where it is not such a report.
 */
export type Report = (text: string, root: string, onCase: (test: TestCase) => void) => void;

const MAX_CHARS = 2_000;

/** Keeps the front of a text that only an answer will show. */
export function clip(text: string): string {
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
}
