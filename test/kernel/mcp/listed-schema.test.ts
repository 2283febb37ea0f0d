import { describe, expect, test } from "vitest";
import { z } from "zod";
import { listed, shorten } from "../../../kernel/mcp/listed-schema.ts";

const shown = (schema: z.ZodObject): Record<string, unknown> =>
  listed(schema)["~standard"].jsonSchema.input({ target: "draft-2020-12" });

describe("what a host is shown", () => {
  test.each<[says: string, schema: z.ZodObject, properties: Record<string, unknown>]>([
    ["any integer", z.object({ a: z.int().optional() }), { a: { type: "integer" } }],
    [
      "a real bound stays",
      z.object({ a: z.int().min(0).max(9).optional() }),
      { a: { type: "integer", minimum: 0, maximum: 9 } },
    ],
    [
      "any JSON",
      z.object({ a: z.json().optional().describe("anything") }),
      { a: { description: "anything" } },
    ],
    [
      "a time without its pattern",
      z.object({ a: z.iso.datetime().optional() }),
      { a: { type: "string", format: "date-time" } },
    ],
    [
      "another pattern stays",
      z.object({ a: z.string().regex(/^x$/).optional() }),
      { a: { type: "string", pattern: "^x$" } },
    ],
    [
      "an open object",
      z.object({ a: z.looseObject({}).optional() }),
      { a: { type: "object", properties: {} } },
    ],
    [
      "a closed object",
      z.object({ a: z.strictObject({}).optional() }),
      { a: { type: "object", properties: {}, additionalProperties: false } },
    ],
    [
      "fields that are named like keywords",
      z.object({
        pattern: z.int().optional(),
        $schema: z.string().optional(),
        minimum: z.boolean().optional(),
      }),
      { pattern: { type: "integer" }, $schema: { type: "string" }, minimum: { type: "boolean" } },
    ],
    [
      "data is left alone",
      z.object({ a: z.json().default({ $schema: "x", minimum: 1 }) }),
      { a: { default: { $schema: "x", minimum: 1 } } },
    ],
  ])("%s", (_says, schema, properties) => {
    expect(shown(schema)).toEqual({ type: "object", properties });
  });

  test("another recursive definition stays", () => {
    const tree: z.ZodType = z.lazy(() => z.object({ next: tree.optional() }));
    const schema = z.object({ tree });
    const { $schema: _dialect, ...whole } = z.toJSONSchema(schema, { io: "input" });
    expect(shown(schema)).toEqual(whole);
  });

  test("an answer may gain fields, arguments may not", () => {
    const closed = { type: "object", additionalProperties: false };
    expect(shorten(closed, true)).toEqual({ type: "object" });
    expect(shorten(closed, false)).toEqual(closed);
  });
});

test("what is checked is the whole schema", () => {
  const schema = z.object({ a: z.iso.datetime() });
  expect(listed(schema)["~standard"].validate({ a: "2026-13-01T00:00:00Z" })).toMatchObject({
    issues: [{ path: ["a"] }],
  });
});
