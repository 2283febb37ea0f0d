import { lstatSync, readdirSync, type Dirent } from "node:fs";
import { join } from "node:path";
import { STORES } from "../store-verbs.ts";
import type { Kept } from "./retention.ts";

/** Everything in a state folder that may be let go of by its age. Stores, keys and tokens are never among it. */
export function findKept(home: string): readonly Kept[] {
  const stores = [...STORES.keys()];
  const kept: Kept[] = [];
  for (const { name } of entriesOf(join(home, "backups"))) {
    const store = stores.find((known) => name.startsWith(`${known}-`));
    if (store !== undefined && name.endsWith(".db"))
      kept.push({ ...measured(join(home, "backups", name)), kind: "backup", of: `backup of ${store}` });
  }
  for (const { name } of entriesOf(home)) {
    const store = stores.find((known) => name.startsWith(`${known}.db.replaced-`));
    if (store !== undefined)
      kept.push({ ...measured(join(home, name)), kind: "replaced", of: `replaced ${store}` });
  }
  for (const { name } of entriesOf(join(home, "host-backups"))) {
    const host = /^(.+)-\d+-/.exec(name)?.[1];
    if (host !== undefined)
      kept.push({
        ...measured(join(home, "host-backups", name)),
        kind: "host",
        of: `configuration of ${host}`,
      });
  }
  for (const folder of ["checkouts", "scratch"])
    for (const { name } of entriesOf(join(home, folder)))
      kept.push({ ...measured(join(home, folder, name)), kind: "scratch", of: folder });
  return kept;
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return [];
    throw error;
  }
}

/** Size with all below it, and its last change. Links are not followed. */
function measured(path: string): Pick<Kept, "path" | "bytes" | "at"> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return { path, bytes: 0, at: 0 };
  if (!stat.isDirectory()) return { path, bytes: stat.size, at: stat.mtimeMs };
  const below = entriesOf(path).map(({ name }) => measured(join(path, name)));
  return {
    path,
    bytes: below.reduce((total, { bytes }) => total + bytes, 0),
    at: Math.max(stat.mtimeMs, ...below.map(({ at }) => at)),
  };
}
