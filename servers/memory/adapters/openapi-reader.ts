import { isMap, LineCounter, parseDocument, type Document } from "yaml";
import type { Block } from "../domain/document/blocks.ts";
import { isOpenApi, operationBlocks } from "../domain/document/openapi.ts";

/** The operations of an OpenAPI description in JSON or YAML, a block each; none where the text is something else. */
export function openApiBlocks(text: string): readonly Block[] {
  const document = parseDocument(text, {
    lineCounter: new LineCounter(),
    logLevel: "silent",
    uniqueKeys: false,
  });
  if (document.errors.length > 0) return [];
  const value = valueOf(document);
  if (!isOpenApi(value)) return [];
  return operationBlocks({ value, spanOf: (path, method) => spanOf(document, path, method, text.length) });
}

/** Undefined where aliases would blow it up. */
function valueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}

function spanOf(document: Document, path: string, method: string, length: number): readonly [number, number] {
  const item = document.getIn(["paths", path], true);
  const pair = isMap(item) ? item.items.find(({ key }) => String(key) === method) : undefined;
  const [key, value] = [pair?.key, pair?.value];
  const start = rangeOf(key)?.[0] ?? rangeOf(value)?.[0] ?? 0;
  return [start, rangeOf(value)?.[1] ?? length];
}

function rangeOf(node: unknown): readonly number[] | undefined {
  if (typeof node !== "object" || node === null || !("range" in node)) return undefined;
  const { range } = node;
  return Array.isArray(range) ? range.filter((one) => typeof one === "number") : undefined;
}
