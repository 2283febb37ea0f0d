import fc from "fast-check";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, test } from "vitest";
import { isPublicAddress } from "../../../../../servers/memory/domain/document/address.ts";
import { blocksOf } from "../../../../../servers/memory/domain/document/blocks.ts";
import { chunksOf } from "../../../../../servers/memory/domain/document/chunks.ts";
import { isOpenApi, operationBlocks } from "../../../../../servers/memory/domain/document/openapi.ts";
import { mayFetch } from "../../../../../servers/memory/domain/document/robots.ts";

const SENTENCE =
  "The queue gives a task back when its lease ends, and the next worker goes on from the checkpoint. ";

describe("chunks", () => {
  test("headings, fenced code and paragraphs are blocks that tile the text", () => {
    const text =
      "intro\nline\n\n# One #\nbody\n```ts\n# no heading\n\n```\nafter\n\n## Two\n~~~\nopen to the end\n";
    const blocks = blocksOf(text);
    expect(blocks.map(({ kind, title, text: part }) => [kind, title ?? part])).toEqual([
      ["text", "intro\nline\n\n"],
      ["heading", "One"],
      ["text", "body\n"],
      ["code", "```ts\n# no heading\n\n```\n"],
      ["text", "after\n\n"],
      ["heading", "Two"],
      ["code", "~~~\nopen to the end\n"],
    ]);
    expect(blocks.map((block) => block.text).join("")).toBe(text);
  });

  test("of a long document have 512 to 1,024 tokens, end at headings, and know where they stand", () => {
    const section = (name: string, sentences: number): string =>
      `## ${name}\n\n${Array.from({ length: sentences }, () => SENTENCE).join("\n\n")}\n\n\`\`\`ts\n${"const a = 1;\n".repeat(20)}\`\`\`\n\n`;
    const text = `# Guide\n\n${["a", "b", "c", "d", "e", "f", "g"].map((name, index) => section(name, 8 + 5 * index)).join("")}`;
    const chunks = chunksOf(blocksOf(text));
    const sizes = chunks.map((chunk) => encode(chunk.text).length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_024);
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThanOrEqual(512);
    for (const { text: part, start, end } of chunks) expect(text.slice(start, end)).toBe(part);
    expect(chunks.map((chunk) => chunk.text).join("")).toBe(text);
    expect(chunks[0]?.headings).toEqual(["Guide"]);
    expect(chunks.at(-1)?.headings).toEqual(["Guide", "g"]);
  });

  test.each([
    ["one line without a space", "x".repeat(60_000)],
    ["one long paragraph", SENTENCE.repeat(600)],
    ["ideographs", "記憶".repeat(10_000)],
    ["a code block without an end", `\`\`\`\n${"let a = 1;\n".repeat(3_000)}`],
  ])("of %s are cut, and no one is too large", (_, text) => {
    const chunks = chunksOf(blocksOf(text));
    expect(chunks.length).toBeGreaterThan(1);
    expect(Math.max(...chunks.map((chunk) => encode(chunk.text).length))).toBeLessThanOrEqual(1_024);
    expect(chunks.map((chunk) => chunk.text).join("")).toBe(text);
  });

  test("of any text give it back, whitespace at most apart", () => {
    const part = fc.constantFrom(
      "# a\n",
      "```\n",
      "\n",
      "\n\n",
      SENTENCE,
      "word ",
      "😀",
      "x".repeat(3_000),
      "- item\n",
    );
    const text = fc.array(part, { maxLength: 60 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (given) => {
        const chunks = chunksOf(blocksOf(given));
        for (const { text: own, start, end } of chunks) expect(given.slice(start, end)).toBe(own);
        expect(
          chunks
            .map((chunk) => chunk.text)
            .join("")
            .replace(/\s/g, ""),
        ).toBe(given.replace(/\s/g, ""));
      }),
      { numRuns: 60, seed: 11 },
    );
  });
});

test("an OpenAPI document is told operation by operation, and circles of references end", () => {
  const value = {
    openapi: "3.1.0",
    paths: {
      "/pets/{id}": {
        parameters: [{ $ref: "#/components/parameters/Id" }],
        get: {
          operationId: "getPet",
          summary: "One pet",
          responses: {
            200: {
              description: "The pet",
              content: { "application/json": { schema: { $ref: "#/components/schemas/Pet" } } },
            },
          },
        },
        post: {
          requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Loop" } } } },
        },
      },
      "/again": { $ref: "#/paths/~1again" },
      "/bad": 7,
    },
    components: {
      parameters: {
        Id: {
          name: "id",
          in: "path",
          required: true,
          schema: { type: "integer" },
          description: "Its number",
        },
      },
      schemas: {
        Pet: {
          properties: {
            name: { type: "string" },
            friends: { type: "array", items: { $ref: "#/components/schemas/Pet" } },
          },
        },
        Loop: { $ref: "#/components/schemas/Loop" },
      },
    },
  };
  expect(isOpenApi(value)).toBe(true);
  const blocks = operationBlocks({ value, spanOf: () => [3, 9] });
  expect(blocks.map(({ title, start, end }) => [title, start, end])).toEqual([
    ["GET /pets/{id}", 3, 9],
    ["POST /pets/{id}", 3, 9],
  ]);
  expect(blocks[0]?.text).toBe(
    "## GET /pets/{id}\nOperation getPet.\nOne pet\n- id (path, integer, required): Its number\nResponse 200: The pet\n200 application/json: Pet\n  - name: string\n  - friends: array of Pet\n\n",
  );
  expect([7, null, {}, { openapi: "3.0.0" }].some(isOpenApi)).toBe(false);
});

test("robots.txt: own group before all, longest rule wins, wildcards and ends", () => {
  const robots =
    "User-agent: *\nDisallow: /\n\nUser-agent: other\nUser-agent: Slipway # us\nDisallow: /private\nAllow: /private/open\nDisallow: /*.pdf$\nDisallow:\n";
  const asked = ["/", "/private/x", "/private/open/x", "/a/b.pdf", "/a/b.pdf?x", "/privat"];
  expect(asked.map((path) => mayFetch(robots, "slipway", path))).toEqual([
    true,
    false,
    true,
    false,
    true,
    true,
  ]);
  expect(mayFetch(robots, "another", "/")).toBe(false);
  expect(mayFetch("", "slipway", "/")).toBe(true);
  expect(mayFetch("<html>not found</html>", "slipway", "/x")).toBe(true);
});

test.each([
  ["8.8.8.8", true],
  ["172.15.0.1", true],
  ["172.16.0.1", false],
  ["127.0.0.1", false],
  ["10.1.2.3", false],
  ["192.168.1.1", false],
  ["169.254.169.254", false],
  ["100.64.0.1", false],
  ["0.0.0.0", false],
  ["198.19.255.255", false],
  ["224.0.0.1", false],
  ["255.255.255.255", false],
  ["256.1.1.1", false],
  ["2606:4700::1111", true],
  ["::1", false],
  ["::", false],
  ["fe80::1%eth0", false],
  ["fd00::1", false],
  ["ff02::1", false],
  ["::ffff:127.0.0.1", false],
  ["::ffff:7f00:1", false],
  ["::ffff:8.8.8.8", true],
  ["64:ff9b::10.0.0.1", false],
  ["2002:7f00:1::", false],
  ["2001:db8::1", false],
  ["2001::1", false],
  ["nonsense", false],
  ["1:2:3", false],
  ["", false],
])("whether %s is a public address: %s", (address, isPublic) => {
  expect(isPublicAddress(address)).toBe(isPublic);
});
