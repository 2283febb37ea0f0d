import type { Block } from "./blocks.ts";

/** A JSON value, and where its members are in the source. */
export interface Located {
  readonly value: unknown;
  /** The span of an operation by its path and method. */
  spanOf(path: string, method: string): readonly [start: number, end: number];
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"] as const;

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

export function isOpenApi(value: unknown): boolean {
  return (
    isObject(value) &&
    (typeof value["openapi"] === "string" || value["swagger"] === "2.0") &&
    isObject(value["paths"])
  );
}

/** One block for each operation of an OpenAPI 2 or 3 document, in its words. References are followed once, so cycles end. */
export function operationBlocks({ value, spanOf }: Located): readonly Block[] {
  if (!isObject(value) || !isObject(value["paths"])) return [];
  const follow = (node: unknown): JsonObject => {
    let at = node;
    for (let hop = 0; hop < MAX_HOPS && isObject(at) && typeof at["$ref"] === "string"; hop += 1)
      at = pointed(value, at["$ref"]);
    return isObject(at) ? at : {};
  };
  return Object.entries(value["paths"]).flatMap(([path, item]) => {
    const found = follow(item);
    return METHODS.flatMap((method): readonly Block[] => {
      if (!isObject(found[method])) return [];
      const [start, end] = spanOf(path, method);
      const title = `${method.toUpperCase()} ${path}`;
      const text = `${[`## ${title}`, ...linesOf(found[method], listOf(found["parameters"]), follow)].join("\n")}\n\n`;
      return [{ text, start, end, kind: "operation", level: 1, title }];
    });
  });
}

const MAX_HOPS = 5;
const MAX_FIELDS = 40;

type Follow = (node: unknown) => JsonObject;

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function linesOf(operation: JsonObject, shared: readonly unknown[], follow: Follow): readonly string[] {
  const own = listOf(operation["parameters"]);
  return [
    textOf(operation["operationId"]) === "" ? "" : `Operation ${textOf(operation["operationId"])}.`,
    textOf(operation["summary"]),
    textOf(operation["description"]),
    ...[...shared, ...own].map((one) => parameterLine(follow(one))),
    ...contentLines("Body", follow(operation["requestBody"]), follow),
    ...Object.entries(isObject(operation["responses"]) ? operation["responses"] : {}).flatMap(
      ([status, one]) => {
        const response = follow(one);
        return [
          `Response ${status}: ${textOf(response["description"])}`,
          ...contentLines(status, response, follow),
        ];
      },
    ),
  ].filter((line) => line.trim() !== "");
}

function parameterLine(parameter: JsonObject): string {
  const schema = "schema" in parameter ? parameter["schema"] : parameter;
  const need = parameter["required"] === true ? ", required" : "";
  return `- ${textOf(parameter["name"])} (${textOf(parameter["in"])}, ${typeName(schema)}${need}): ${textOf(parameter["description"])}`;
}

function contentLines(label: string, holder: JsonObject, follow: Follow): readonly string[] {
  const contents = isObject(holder["content"]) ? Object.entries(holder["content"]) : [];
  const schemas = contents.map(([type, one]): readonly [string, unknown] => [
    type,
    isObject(one) ? one["schema"] : undefined,
  ]);
  return schemas.flatMap(([type, schema]) => [
    `${label} ${type}: ${typeName(schema)}`,
    ...fieldLines(schema, follow),
  ]);
}

/** The fields of a schema one level deep; deeper ones are told by their type's name. */
function fieldLines(schema: unknown, follow: Follow): readonly string[] {
  const { properties } = follow(schema);
  if (!isObject(properties)) return [];
  return Object.entries(properties)
    .slice(0, MAX_FIELDS)
    .map(([name, one]) => `  - ${name}: ${typeName(one)} ${textOf(follow(one)["description"])}`.trimEnd());
}

function typeName(schema: unknown): string {
  if (!isObject(schema)) return "any";
  const reference = schema["$ref"];
  if (typeof reference === "string") return reference.slice(reference.lastIndexOf("/") + 1);
  const items = schema["items"];
  if (isObject(items)) {
    const inner = items["$ref"];
    return `array of ${typeof inner === "string" ? inner.slice(inner.lastIndexOf("/") + 1) : textOf(items["type"]) || "any"}`;
  }
  return textOf(schema["type"]) || "any";
}

/** What a pointer of the same document names. Source: RFC 6901. */
function pointed(root: unknown, reference: string): unknown {
  if (!reference.startsWith("#/")) return undefined;
  let at = root;
  for (const part of reference.slice(2).split("/")) {
    const key = decoded(part).replaceAll("~1", "/").replaceAll("~0", "~");
    if (!isObject(at) || !Object.hasOwn(at, key)) return undefined;
    at = at[key];
  }
  return at;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
