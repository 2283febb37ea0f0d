import { isDeepStrictEqual } from "node:util";
import {
  applyEdits,
  findNodeAtLocation,
  modify,
  parse,
  parseTree,
  printParseErrorCode,
  type FormattingOptions,
  type JSONPath,
  type ParseError,
} from "jsonc-parser";
import { DomainError } from "../../kernel/errors.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * The servers below `key` of a JSON file with comments; none where the file or the key is empty.
 *
 * @throws {DomainError} invalid, saying where the text is no JSON object.
 */
export function readJsonServers(text: string, key: string): Json {
  const { [key]: servers } = rootOf(text);
  if (servers === undefined) return {};
  if (!isObject(servers)) throw new DomainError("invalid", `its "${key}" is no object`);
  return servers;
}

/**
 * Puts one entry into `key`, or takes it out where `value` is undefined. Comments, order and layout of everything
 * else stay. A key that is left empty goes with its last entry.
 *
 * @returns The new text; "" where nothing at all would be left.
 * @throws {DomainError} invalid where the text is no JSON, or cannot be changed without changing more.
 */
export function editJson(text: string, key: string, name: string, value: unknown): string {
  const mark = text.startsWith("\uFEFF") ? "\uFEFF" : "";
  const before = text.slice(mark.length);
  const root = rootOf(text);
  const others = Object.entries(readJsonServers(text, key)).filter(([entry]) => entry !== name);
  const servers = value === undefined ? others : [...others, [name, value]];
  const wanted: Record<string, unknown> = { ...root, [key]: Object.fromEntries(servers) };
  if (servers.length === 0) delete wanted[key];
  if (Object.keys(wanted).length === 0 && !/\/[/*]/.test(before)) return "";
  if (before.trim() === "") return `${mark}${JSON.stringify(wanted, null, 2)}\n`;
  const path = servers.length === 0 ? [key] : [key, name];
  const layout = layoutOf(before, [key]);
  const after = applyEdits(
    before,
    modify(before, path, value, layout === undefined ? {} : { formattingOptions: layout }),
  );
  // A key that is there twice, for one, is changed in its first place and read in its last.
  if (!isDeepStrictEqual(rootOf(after), wanted))
    throw new DomainError("invalid", `its "${key}" cannot be changed by itself`);
  return mark + after;
}

function rootOf(text: string): Json {
  const bare = text.replace(/^\uFEFF/, "");
  if (bare.trim() === "") return {};
  const errors: ParseError[] = [];
  const root = parseTree(bare, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error !== undefined) {
    const line = bare.slice(0, error.offset).split("\n").length;
    throw new DomainError("invalid", `it is not JSON (line ${line}: ${printParseErrorCode(error.error)})`);
  }
  if (root?.type !== "object") throw new DomainError("invalid", "it is no JSON object");
  const value: unknown = parse(bare, [], { allowTrailingComma: true });
  return isObject(value) ? value : {};
}

/**
 * The layout that the text has: its first indented line and its line ends. Undefined where the object that changes
 * stands on one line: whatever comes in is then written without layout, since the line around it would get one, too.
 */
function layoutOf(text: string, path: JSONPath): FormattingOptions | undefined {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const changed = root === undefined ? undefined : (findNodeAtLocation(root, path) ?? root);
  const isOneLine =
    changed !== undefined && !text.slice(changed.offset, changed.offset + changed.length).includes("\n");
  if (isOneLine && (changed.children?.length ?? 0) > 0) return undefined;
  const indent = /^([ \t]+)\S/m.exec(text)?.[1] ?? "  ";
  const isTabs = indent.startsWith("\t");
  return {
    insertSpaces: !isTabs,
    tabSize: isTabs ? 1 : indent.length,
    eol: text.includes("\r\n") ? "\r\n" : "\n",
  };
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
