/**
 * The part of JSON Schema (2020-12) that outputs are checked against: what can be decided in one pass over the value.
 * Patterns are left out, for a hostile one could stop the server.
 */
const CHECKED = new Set([
  "type",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "enum",
  "const",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
]);
/** Keywords that describe and bind nothing. */
const DESCRIBING = new Set(["title", "description", "default", "examples", "$schema", "$comment"]);
const MOST_LEVELS = 30;
const MOST_PROBLEMS = 10;

type Json = Readonly<Record<string, unknown>>;

/** What keeps a schema from being checked, or null. */
export function schemaProblem(schema: unknown, level = 0): string | null {
  if (typeof schema === "boolean") return null;
  if (!isObject(schema)) return "a schema is an object, true or false";
  if (level > MOST_LEVELS) return `a schema nests at most ${MOST_LEVELS} levels`;
  for (const [keyword, value] of Object.entries(schema)) {
    if (DESCRIBING.has(keyword)) continue;
    if (!CHECKED.has(keyword)) return `the keyword ${keyword.slice(0, 60)} is not checked here`;
    const problem = keywordProblem(keyword, value, level);
    if (problem !== null) return problem;
  }
  return null;
}

function keywordProblem(keyword: string, value: unknown, level: number): string | null {
  switch (keyword) {
    case "type":
      return [value].flat().every((type) => typeof type === "string" && type in TYPES)
        ? null
        : `type is one of ${Object.keys(TYPES).join(", ")}`;
    case "properties": {
      if (!isObject(value)) return "properties is an object of schemas";
      return first(Object.values(value).map((part) => schemaProblem(part, level + 1)));
    }
    case "items":
    case "additionalProperties":
      return schemaProblem(value, level + 1);
    case "required":
      return Array.isArray(value) && value.every((name) => typeof name === "string")
        ? null
        : "required is a list of names";
    case "enum":
      return Array.isArray(value) ? null : "enum is a list";
    case "const":
      return null;
    default:
      return typeof value === "number" ? null : `${keyword} is a number`;
  }
}

/** In what a value differs from a schema that `schemaProblem` has nothing against; empty where in nothing. */
export function schemaMismatches(schema: unknown, value: unknown): readonly string[] {
  const found: string[] = [];
  compare(schema, value, "output", found);
  return found.slice(0, MOST_PROBLEMS);
}

function compare(schema: unknown, value: unknown, at: string, found: string[]): void {
  if (found.length >= MOST_PROBLEMS || schema === true || (schema !== false && !isObject(schema))) return;
  if (schema === false) return void found.push(`${at} must not be there`);
  const types =
    schema["type"] === undefined ? [] : [schema["type"]].flat().filter((type) => typeof type === "string");
  if (types.length > 0 && !types.some((type) => TYPES[type]?.(value) === true))
    return void found.push(`${at} is not ${types.join(" or ")}`);
  if ("const" in schema && !isSame(schema["const"], value)) found.push(`${at} is not the constant`);
  const words = schema["enum"];
  if (Array.isArray(words) && !words.some((word) => isSame(word, value)))
    found.push(`${at} is none of the values allowed`);
  if (typeof value === "number") within(value, schema["minimum"], schema["maximum"], at, found);
  if (typeof value === "string")
    within([...value].length, schema["minLength"], schema["maxLength"], `the length of ${at}`, found);
  if (Array.isArray(value)) {
    within(value.length, schema["minItems"], schema["maxItems"], `the length of ${at}`, found);
    if (schema["items"] !== undefined)
      value.forEach((item, place) => compare(schema["items"], item, `${at}[${place}]`, found));
  } else if (isObject(value)) compareFields(schema, value, at, found);
}

function compareFields(schema: Json, value: Json, at: string, found: string[]): void {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  for (const name of required)
    if (!Object.hasOwn(value, String(name))) found.push(`${at}.${String(name)} is missing`);
  for (const [name, part] of Object.entries(value)) {
    const rule = Object.hasOwn(properties, name) ? properties[name] : schema["additionalProperties"];
    if (rule !== undefined) compare(rule, part, `${at}.${name}`, found);
  }
}

function within(size: number, least: unknown, most: unknown, what: string, found: string[]): void {
  if (typeof least === "number" && size < least) found.push(`${what} is below ${least}`);
  if (typeof most === "number" && size > most) found.push(`${what} is above ${most}`);
}

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isObject,
  array: (value) => Array.isArray(value),
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: (value) => typeof value === "number" && Number.isInteger(value),
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
};

/** Whether two JSON values are equal, whatever the order of their fields. */
function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, place) => isSame(item, b[place]));
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
    );
  }
  return a === b;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function first(problems: readonly (string | null)[]): string | null {
  return problems.find((problem) => problem !== null) ?? null;
}
