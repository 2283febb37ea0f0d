import { DomainError } from "../../../kernel/errors.ts";
import { blocksOf, type Block } from "../domain/document/blocks.ts";
import { readHtml } from "./html.ts";
import { readPdf } from "./pdf.ts";

/** A document, read and cut into blocks. */
export interface ReadDocument {
  readonly title: string | undefined;
  readonly blocks: readonly Block[];
  readonly links: readonly string[];
  /** What the spans of the blocks count in. */
  readonly spansIn: "source" | "extracted text";
}

/**
 * Reads a document by its type, else by its name, else by what it begins with: PDF, HTML, OpenAPI (JSON or YAML),
 * Markdown, plain text.
 *
 * @throws {DomainError} invalid for binary or broken content, limit, unavailable.
 */
export async function readDocument(bytes: Buffer, type: string, name: string): Promise<ReadDocument> {
  if (type === "application/pdf" || bytes.subarray(0, 5).toString("latin1") === "%PDF-") {
    const text = clean(await readPdf(bytes));
    return { title: undefined, blocks: blocksOf(text), links: [], spansIn: "extracted text" };
  }
  if (bytes.includes(0))
    throw new DomainError("invalid", "the document is neither text nor PDF", {
      hint: "give its text instead",
    });
  const text = clean(bytes.toString("utf8"));
  if (/^(?:text\/html|application\/xhtml\+xml)$/.test(type) || (type === "" && isHtml(name, text))) {
    const page = await readHtml(text);
    return {
      title: page.title,
      blocks: blocksOf(clean(page.text)),
      links: page.links,
      spansIn: "extracted text",
    };
  }
  if (/json|yaml/.test(type) || /\.(?:json|ya?ml)$/i.test(name)) {
    const { openApiBlocks } = await import("./openapi-reader.ts");
    const operations = openApiBlocks(text);
    if (operations.length > 0) return { title: undefined, blocks: operations, links: [], spansIn: "source" };
  }
  const blocks = blocksOf(text);
  const links = Array.from(text.matchAll(/\]\(([^)\s]+)/g), ([, link = ""]) => link);
  return { title: blocks.find(({ kind }) => kind === "heading")?.title, blocks, links, spansIn: "source" };
}

function isHtml(name: string, text: string): boolean {
  return /\.x?html?$/i.test(name) || /^\s*<(?:!doctype html|html)[\s>]/i.test(text.slice(0, 1_000));
}

function clean(text: string): string {
  return text
    .replace(/^\ufeff/, "")
    .replaceAll("\0", "")
    .toWellFormed();
}
