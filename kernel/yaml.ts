import { parse } from "yaml";
import { DomainError } from "./errors.ts";

/** More characters than a file of the size of a book has. */
const MOST = 2_000_000;

/**
 * Reads YAML, and so JSON.
 *
 * @throws {DomainError} invalid, naming the file and where it can the line.
 */
export function parseYaml(file: string, text: string, hint: string): unknown {
  try {
    // Aliases are bounded, so that a few lines do not unfold into gigabytes.
    if (text.length > MOST) throw new RangeError("too large");
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    const where =
      error instanceof Error && "linePos" in error && Array.isArray(error.linePos)
        ? ` (line ${String(error.linePos[0]?.line)})`
        : "";
    throw new DomainError("invalid", `${file} is not YAML${where}`, { hint, cause: error });
  }
}
