import { isDeepStrictEqual } from "node:util";
import { parse, stringify, TomlError } from "smol-toml";
import { DomainError } from "../../kernel/errors.ts";

type Table = Readonly<Record<string, unknown>>;

/**
 * The tables below `key` of a TOML file.
 *
 * @throws {DomainError} invalid, saying where the text is no TOML.
 */
export function readTomlServers(text: string, key: string): Table {
  const { [key]: servers } = tablesOf(text);
  if (servers === undefined) return {};
  if (!isTable(servers)) throw new DomainError("invalid", `its "${key}" is no table`);
  return servers;
}

/**
 * Puts the table `key.name` at the end, or takes it out where `value` is undefined. Every other line stays as it is.
 *
 * @returns The new text; "" where nothing at all would be left.
 * @throws {DomainError} invalid where the text is no TOML, or cannot be changed without changing more.
 */
export function editToml(text: string, key: string, name: string, value: Table | undefined): string {
  const root = tablesOf(text);
  const found = readTomlServers(text, key);
  const others = Object.entries(found).filter(([entry]) => entry !== name);
  const servers = value === undefined ? others : [...others, [name, value]];
  const wanted: Record<string, unknown> = { ...root, [key]: Object.fromEntries(servers) };
  if (servers.length === 0) delete wanted[key];
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const rest = found[name] === undefined ? text : withoutTable(text, key, name);
  const added =
    value === undefined
      ? ""
      : stringify({ [key]: { [name]: value } })
          .trim()
          .replaceAll("\n", end) + end;
  const kept = rest.trim() === "" ? "" : rest.replace(/\s*$/, end);
  const after = kept + (kept !== "" && added !== "" ? end : "") + added;
  // Inline and dotted forms of the same table, or a header inside a string, are seen here.
  if (!isSame(after, wanted)) throw new DomainError("invalid", `its "${key}" cannot be changed by itself`);
  return after;
}

/** Takes out the lines from the header of a table to the next table that is not below it. */
function withoutTable(text: string, key: string, name: string): string {
  const header = /^\s*\[\[?([^\]]*)\]/;
  const isBelow = (line: string): boolean => {
    const path = (header.exec(line)?.[1] ?? "")
      .split(".")
      .map((part) => part.trim().replaceAll(/^["']|["']$/g, ""));
    return path[0] === key && path[1] === name;
  };
  const kept: string[] = [];
  /** Comments and empty lines after the table's last value belong to what follows it. */
  let loose: string[] = [];
  let isInside = false;
  for (const line of text.split(/(?<=\n)/)) {
    if (header.test(line)) {
      isInside = isBelow(line);
      if (!isInside) kept.push(...loose);
      loose = [];
    }
    if (!isInside) kept.push(line);
    else if (/^\s*(#.*)?$/.test(line.trim())) loose.push(line);
    else loose = [];
  }
  return [...kept, ...loose].join("");
}

function tablesOf(text: string): Table {
  try {
    return parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const where = error instanceof TomlError ? ` (line ${error.line})` : "";
    throw new DomainError("invalid", `it is not TOML${where}`, { cause: error });
  }
}

function isSame(text: string, wanted: Table): boolean {
  try {
    // An empty table may stay where its header stands.
    const isLeftEmpty = ([key, value]: readonly [string, unknown]): boolean =>
      isTable(value) && Object.keys(value).length === 0 && wanted[key] === undefined;
    const bare = Object.fromEntries(Object.entries(tablesOf(text)).filter((entry) => !isLeftEmpty(entry)));
    return isDeepStrictEqual(plain(bare), plain(wanted));
  } catch {
    return false;
  }
}

/** Tables as plain objects: the parser's have no prototype. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
