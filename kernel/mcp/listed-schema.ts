import type { StandardSchemaWithJSON } from "@modelcontextprotocol/server";
import type { z } from "zod";

type Json = Readonly<Record<string, unknown>>;

/**
 * A tool's schema as hosts see it: the same rules in fewer words, since every host pays for `tools/list` in tokens.
 * Answers are still checked against the whole zod schema. They may gain fields in later versions, so their objects are
 * listed as open.
 */
export function listed<S extends z.ZodObject>(schema: S): StandardSchemaWithJSON<z.input<S>, z.output<S>> {
  const standard = schema["~standard"];
  return {
    "~standard": {
      ...standard,
      jsonSchema: {
        input: (options) => shorten(standard.jsonSchema.input(options), false),
        output: (options) => shorten(standard.jsonSchema.output(options), true),
      },
    },
  };
}

/**
 * The same for arguments, which it lets through as they are: the SDK would answer what the schema refuses in plain text,
 * where a refusal of ours has a code and a hint. `checkedArguments` checks them.
 */
export function listedArguments(
  schema: z.ZodObject,
): StandardSchemaWithJSON<Record<string, unknown>, Record<string, unknown>> {
  const { jsonSchema } = listed(schema)["~standard"];
  return {
    "~standard": {
      version: 1,
      vendor: "slipway",
      jsonSchema,
      validate: (value) =>
        isObject(value) ? { value: { ...value } } : { issues: [{ message: "arguments are an object" }] },
    },
  };
}

/** Takes out of a JSON Schema of zod what says nothing: it allows the same values before and after. */
export function shorten(schema: Json, isOpen: boolean): Record<string, unknown> {
  const definitions = isObject(schema["$defs"]) ? schema["$defs"] : {};
  const anyJson = new Set(Object.keys(definitions).filter((name) => isAnyJson(name, definitions[name])));
  return walk(schema, { anyJson, isOpen });
}

interface Context {
  /** Definitions that allow every JSON value, which an empty schema says as well. */
  readonly anyJson: ReadonlySet<string>;
  readonly isOpen: boolean;
}

const REFERENCE = "#/$defs/";
/** Keywords whose value maps free names to schemas. */
const MAPS = new Set(["properties", "$defs"]);
/** Keywords whose value is data and not a schema. */
const DATA = new Set(["default", "const", "enum", "examples", "required"]);

function walk(schema: Json, context: Context): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (saysNothing(keyword, value, schema, context)) continue;
    if (MAPS.has(keyword) && isObject(value)) {
      const entries = Object.entries(value).filter(
        ([name]) => keyword !== "$defs" || !context.anyJson.has(name),
      );
      if (entries.length === 0 && keyword === "$defs") continue;
      kept[keyword] = Object.fromEntries(
        entries.map(([name, part]) => [name, isObject(part) ? walk(part, context) : part]),
      );
    } else if (DATA.has(keyword)) {
      kept[keyword] = value;
    } else if (Array.isArray(value)) {
      kept[keyword] = value.map((part: unknown) => (isObject(part) ? walk(part, context) : part));
    } else {
      const part = isObject(value) ? walk(value, context) : value;
      if (keyword === "additionalProperties" && isObject(part) && Object.keys(part).length === 0) continue;
      kept[keyword] = part;
    }
  }
  return kept;
}

function saysNothing(keyword: string, value: unknown, schema: Json, { anyJson, isOpen }: Context): boolean {
  switch (keyword) {
    case "$schema":
      // 2020-12 is what MCP assumes.
      return true;
    case "$ref":
      return (
        typeof value === "string" && value.startsWith(REFERENCE) && anyJson.has(value.slice(REFERENCE.length))
      );
    case "minimum":
      return value === Number.MIN_SAFE_INTEGER;
    case "maximum":
      return value === Number.MAX_SAFE_INTEGER;
    case "pattern":
      return schema["format"] === "date-time";
    case "propertyNames":
      return isObject(value) && JSON.stringify(value) === '{"type":"string"}';
    case "additionalProperties":
      return isOpen && value === false;
    case "properties":
      return isOpen && isObject(value) && Object.keys(value).length === 0;
    default:
      return false;
  }
}

/** Whether a definition is the one that `z.json()` makes. */
function isAnyJson(name: string, definition: unknown): boolean {
  const self = { $ref: `${REFERENCE}${name}` };
  return (
    JSON.stringify(definition) ===
    JSON.stringify({
      anyOf: [
        { type: "string" },
        { type: "number" },
        { type: "boolean" },
        { type: "null" },
        { type: "array", items: self },
        { type: "object", propertyNames: { type: "string" }, additionalProperties: self },
      ],
    })
  );
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
