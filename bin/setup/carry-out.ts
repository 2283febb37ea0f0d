import { join } from "node:path";
import { systemClock } from "../../kernel/clock.ts";
import type { Io } from "../../kernel/io.ts";
import { writeChange, type Change } from "./host-file.ts";

/** Writes a planned change, unless it is a try or changes nothing, and says in a line what became of it. */
export function carryOut(change: Change, home: string, io: Io, isTry: boolean): void {
  const { host, file, before, after, added, removed, same, other } = change;
  const would = isTry ? "would be " : "";
  const copy =
    isTry || after === (before ?? "") ? null : writeChange(change, join(home, "host-backups"), systemClock);
  const kept = copy === null ? "" : `; the file before: ${copy}`;
  if (added.length > 0) io.err(`${host.title}: ${added.join(", ")} ${would}added to ${file}${kept}`);
  if (removed.length > 0) {
    const gone = after === "" ? `; the file held nothing else and ${isTry ? "would go" : "is gone"}` : "";
    io.err(`${host.title}: ${removed.join(", ")} ${would}taken out of ${file}${gone}${kept}`);
  }
  if (same.length > 0) io.err(`${host.title}: ${same.join(", ")} is in ${file} already`);
  for (const name of other)
    io.err(
      `${host.title}: ${file} has ${name} set up otherwise and was left as it is (slipway mcp add ${host.id} --replace)`,
    );
  if (added.length + removed.length + same.length + other.length === 0)
    io.err(`${host.title}: nothing of Slipway in ${file}`);
}
