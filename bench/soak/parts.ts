import { DomainError } from "../../kernel/errors.ts";
import type { Flags } from "../../kernel/flags.ts";

/** The parts of a room's soak by name; each returns what it measured, and throws where something does not hold. */
export type Parts = Readonly<Record<string, (flags: Flags) => Promise<string>>>;

/**
 * Runs the parts that `--only` names, or all, one after another, and says on stderr where it is.
 *
 * @throws {DomainError} invalid for a part that is not there.
 */
export async function runParts(room: string, parts: Parts, flags: Flags): Promise<string> {
  const wanted = flags.text("only")?.split(",") ?? Object.keys(parts);
  const unknown = wanted.find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined)
    throw new DomainError(
      "invalid",
      `there is no part ${unknown}; the parts are ${Object.keys(parts).join(", ")}`,
    );
  const told: string[] = [];
  for (const name of wanted) {
    process.stderr.write(`soak ${room}: ${name}\n`);
    told.push((await parts[name]?.(flags)) ?? "");
  }
  return told.join("\n\n");
}
