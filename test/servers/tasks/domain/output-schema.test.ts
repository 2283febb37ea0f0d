import { expect, test } from "vitest";
import { schemaMismatches, schemaProblem } from "../../../../servers/tasks/domain/output-schema.ts";

const nested = (levels: number): unknown => (levels === 0 ? true : { items: nested(levels - 1) });

test.each<[unknown, string | null]>([
  [true, null],
  [{}, null],
  [
    { type: ["string", "null"], description: "a", $schema: "https://json-schema.org/draft/2020-12/schema" },
    null,
  ],
  [{ properties: { a: { items: { enum: [1] } } }, required: ["a"], additionalProperties: false }, null],
  [{ type: "text" }, "type is one of"],
  [{ $ref: "#" }, "$ref is not checked here"],
  [{ properties: { a: { format: "date" } } }, "format is not checked here"],
  [{ properties: [] }, "properties is an object"],
  [{ required: [1] }, "required is a list"],
  [{ enum: 1 }, "enum is a list"],
  [{ minimum: "1" }, "minimum is a number"],
  [nested(30), null],
  [nested(32), "at most 30 levels"],
  [null, "a schema is an object"],
])("%j as a schema", (schema, problem) => {
  if (problem === null) expect(schemaProblem(schema)).toBeNull();
  else expect(schemaProblem(schema)).toContain(problem);
});

test.each<[unknown, unknown, readonly string[]]>([
  [true, 1, []],
  [false, 1, ["output must not be there"]],
  [{ type: "integer" }, 1.5, ["output is not integer"]],
  [{ type: ["number", "null"] }, null, []],
  [{ type: "object" }, [], ["output is not object"]],
  [{ const: { a: [1, { b: 2, c: 3 }] } }, { a: [1, { c: 3, b: 2 }] }, []],
  [{ const: { a: 1 } }, { a: 1, b: 1 }, ["output is not the constant"]],
  [{ enum: ["a", null] }, "b", ["output is none of the values allowed"]],
  [{ minimum: 1, maximum: 2 }, 3, ["output is above 2"]],
  [{ minLength: 2 }, "🚀", ["the length of output is below 2"]],
  [
    { maxItems: 1, items: { type: "string" } },
    ["a", 1],
    ["the length of output is above 1", "output[1] is not string"],
  ],
  [{ required: ["a"] }, Object.create({ a: 1 }), ["output.a is missing"]],
  [
    { properties: { a: { type: "string" } }, additionalProperties: false },
    { a: 1, b: 1 },
    ["output.a is not string", "output.b must not be there"],
  ],
  [{ properties: { toString: { type: "string" } } }, {}, []],
  [
    { items: false },
    Array(100).fill(0),
    Array.from({ length: 10 }, (_, i) => `output[${i}] must not be there`),
  ],
])("%j against %j", (schema, value, found) => {
  expect(schemaMismatches(schema, value)).toEqual(found);
});
