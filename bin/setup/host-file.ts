import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/errors.ts";
import { prepareFolder } from "../../kernel/sqlite/open.ts";
import { editJson, readJsonServers } from "./edit-json.ts";
import { editToml, readTomlServers } from "./edit-toml.ts";
import { entryOf, type Host, type Launch } from "./hosts.ts";
import { isOurs, OUR_NAMES } from "./launches.ts";

/** What a change would make of one host's file, before anything is written. */
export interface Change {
  readonly host: Host;
  readonly file: string;
  /** null where there is no file yet. */
  readonly before: string | null;
  /** "" where the file would hold nothing, and goes. */
  readonly after: string;
  /** Servers that are added, taken away, already there as wanted, or there under our name but otherwise. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly same: readonly string[];
  readonly other: readonly string[];
}

/**
 * Works out how to add servers to a host. One that is there under its name with other settings is left alone, unless
 * `replace`.
 *
 * @throws {DomainError} invalid where the file cannot be read as its format, unavailable where it cannot be read.
 */
export function planAdd(
  host: Host,
  file: string,
  launches: ReadonlyMap<string, Launch>,
  replace: boolean,
): Change {
  const before = read(file);
  const found = servers(host, file, before ?? "");
  const groups: Record<"added" | "same" | "other", string[]> = { added: [], same: [], other: [] };
  let after = before ?? "";
  for (const [name, launch] of launches) {
    const wanted = entryOf(host, launch);
    const current = found[name];
    if (current !== undefined && isDeepStrictEqual(JSON.parse(JSON.stringify(current)), wanted))
      groups.same.push(name);
    else if (current !== undefined && !replace) groups.other.push(name);
    else {
      after = edit(host, file, after, name, wanted);
      groups.added.push(name);
    }
  }
  return { host, file, before, after, removed: [], ...groups };
}

/**
 * Works out how to take Slipway's servers out of a host. What stands under our names and starts something else stays.
 *
 * @throws {DomainError} as `planAdd`.
 */
export function planRemove(host: Host, file: string): Change {
  const before = read(file);
  const found = servers(host, file, before ?? "");
  const named = OUR_NAMES.filter((name) => found[name] !== undefined);
  const removed = named.filter((name) => isOurs(found[name]));
  let after = before ?? "";
  for (const name of removed) after = edit(host, file, after, name, undefined);
  return {
    host,
    file,
    before,
    after,
    added: [],
    removed,
    same: [],
    other: named.filter((name) => !removed.includes(name)),
  };
}

/** Slipway's own servers in a host's file, by name. */
export function ownServers(host: Host, file: string): readonly string[] {
  const found = servers(host, file, read(file) ?? "");
  return OUR_NAMES.filter((name) => isOurs(found[name]));
}

/**
 * Writes a planned change: a copy of the file before goes into `backups` (it may hold keys, so it is for its user
 * only), then the new file takes its place at once. Links are followed, and the file keeps its mode.
 *
 * @returns The copy, or null where there was no file.
 * @throws {DomainError} denied for a read-only file, conflict where somebody else wrote meanwhile.
 */
export function writeChange(change: Change, backups: string, clock: Clock): string | null {
  const { file, before, after } = change;
  const target = statSync(file, { throwIfNoEntry: false }) === undefined ? file : realpathSync(file);
  const mode = statSync(target, { throwIfNoEntry: false })?.mode ?? 0o100644;
  // Renaming would replace a read-only file, and root may write every file.
  if ((mode & 0o222) === 0)
    throw new DomainError("denied", `${file} is read-only`, {
      hint: `make it writable, or add by hand: slipway mcp print ${change.host.id}`,
      retryable: false,
    });
  const copy = before === null ? null : backUp(change, before, backups, clock);
  const draft = `${target}.${randomBytes(6).toString("hex")}`;
  try {
    mkdirSync(dirname(target), { recursive: true });
    if (after !== "") writeFileSync(draft, after, { flag: "wx", mode: mode & 0o777 });
    if (read(file) !== before)
      throw new DomainError("conflict", `${file} was changed meanwhile`, { hint: "run the command again" });
    if (after === "") rmSync(target, { force: true });
    else renameSync(draft, target);
    return copy;
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new DomainError("denied", `${file} cannot be written`, {
      hint: `make its folder writable, or add by hand: slipway mcp print ${change.host.id}`,
      retryable: false,
      cause: error,
    });
  } finally {
    rmSync(draft, { force: true });
  }
}

function backUp({ host, file }: Change, before: string, backups: string, clock: Clock): string {
  prepareFolder(dirname(backups));
  mkdirSync(backups, { recursive: true, mode: 0o700 });
  const copy = join(backups, `${host.id}-${clock()}-${basename(file)}`);
  writeFileSync(copy, before, { mode: 0o600 });
  return copy;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return null;
    throw new DomainError("unavailable", `${file} cannot be read`, {
      hint: "make it readable",
      retryable: false,
      cause: error,
    });
  }
}

function servers(host: Host, file: string, text: string): Readonly<Record<string, unknown>> {
  return naming(host, file, () =>
    host.format === "toml" ? readTomlServers(text, host.key) : readJsonServers(text, host.key),
  );
}

function edit(
  host: Host,
  file: string,
  text: string,
  name: string,
  entry: Readonly<Record<string, unknown>> | undefined,
): string {
  return naming(host, file, () =>
    host.format === "toml" ? editToml(text, host.key, name, entry) : editJson(text, host.key, name, entry),
  );
}

/** Says of a file that cannot be read or changed which it is, and how to go on by hand. */
function naming<T>(host: Host, file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new DomainError("invalid", `${file} was left as it is: ${error.message}`, {
      hint: `mend it, or add by hand: slipway mcp print ${host.id}`,
      cause: error,
    });
  }
}
