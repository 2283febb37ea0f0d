const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"] as const;

/**
 * What a client of an API that is described in OpenAPI (2 or 3) can no longer do: an operation that is gone, a parameter
 * or a body that is required now and was not, an answer of success that is gone. One line each. Null where either text
 * describes no API. References (`$ref`) are compared by name and not followed.
 *
 * Source: OpenAPI Specification 3.1.0, sections 4.8.9 (path item), 4.8.10 (operation), 4.8.12 (parameter).
 */
export function openApiBreaks(before: unknown, after: unknown): readonly string[] | null {
  if (!describesApi(before)) return null;
  if (after === undefined) return operationsOf(before).map(({ name }) => `operation ${name} is gone`);
  if (!describesApi(after)) return null;
  const now = new Map(operationsOf(after).map((operation) => [operation.key, operation]));
  return operationsOf(before).flatMap((old) => {
    const operation = now.get(old.key);
    if (operation === undefined) return [`operation ${old.name} is gone`];
    return [
      ...[...operation.required]
        .filter((parameter) => !old.required.has(parameter))
        .map((parameter) => `${old.name} now requires ${parameter}`),
      ...[...old.successes]
        .filter((status) => !operation.successes.has(status))
        .map((status) => `${old.name} no longer answers ${status}`),
    ];
  });
}

interface Operation {
  /** The same for two spellings of a path parameter. */
  readonly key: string;
  readonly name: string;
  readonly required: ReadonlySet<string>;
  readonly successes: ReadonlySet<string>;
}

function describesApi(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && (typeof value["openapi"] === "string" || value["swagger"] !== undefined);
}

function operationsOf(api: Readonly<Record<string, unknown>>): readonly Operation[] {
  return Object.entries(recordOf(api["paths"])).flatMap(([path, item]) =>
    METHODS.flatMap((method): readonly Operation[] => {
      const operation = recordOf(item)[method];
      if (!isRecord(operation)) return [];
      return [
        {
          key: `${method} ${path.replaceAll(/\{[^}]*\}/g, "{}")}`,
          name: `${method.toUpperCase()} ${path}`,
          required: requiredOf([recordOf(item)["parameters"], operation["parameters"]], operation),
          successes: new Set(
            Object.keys(recordOf(operation["responses"])).filter((status) => status.startsWith("2")),
          ),
        },
      ];
    }),
  );
}

function requiredOf(
  lists: readonly unknown[],
  operation: Readonly<Record<string, unknown>>,
): ReadonlySet<string> {
  const names = new Set<string>();
  for (const parameter of lists.flatMap((list) => (Array.isArray(list) ? list : []))) {
    const { name, required, in: place } = recordOf(parameter);
    // A path parameter belongs to the path, which is compared already.
    if (place === "path") continue;
    if (required === true) names.add(`${String(place)} parameter ${String(name)}`);
  }
  if (recordOf(operation["requestBody"])["required"] === true) names.add("a body");
  return names;
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
