import type { DefaultTreeAdapterTypes } from "parse5";
import { DomainError } from "../../../kernel/errors.ts";

type Node = DefaultTreeAdapterTypes.Node;

/** What is read of a page. */
export interface Page {
  /** Markdown. */
  readonly text: string;
  readonly title: string | undefined;
  /** Addresses of links, as written. */
  readonly links: readonly string[];
}

const SILENT = new Set([
  "script",
  "style",
  "noscript",
  "template",
  "svg",
  "iframe",
  "nav",
  "footer",
  "form",
  "button",
]);
const BREAKS = new Set(
  "p div section article main header aside ul ol table tr blockquote figure dl dt dd hr pre li br h1 h2 h3 h4 h5 h6".split(
    " ",
  ),
);
/** Deeper elements are read as if they stood here. */
const MAX_DEPTH = 500;

/**
 * Turns HTML into Markdown: headings, lists, code and paragraphs; what is no content (scripts, navigation) is left out.
 *
 * @throws {DomainError} unavailable where the parser is not installed.
 */
export async function readHtml(html: string): Promise<Page> {
  const { parse } = await import("parse5").catch((cause: unknown) => {
    throw new DomainError("unavailable", "the HTML parser is not installed", {
      hint: "npm install parse5",
      retryable: false,
      cause,
    });
  });
  const links: string[] = [];
  let title: string | undefined;
  let text = "";
  const put = (part: string): void => void (text += part);
  const line = (): void => {
    if (text !== "" && !text.endsWith("\n")) put("\n");
  };
  const visit = (node: Node, depth: number, isCode: boolean): void => {
    if (node.nodeName === "#text" && "value" in node) {
      const words = isCode ? node.value : node.value.replace(/\s+/g, " ");
      put(!isCode && /(?:^|\s)$/.test(text) ? words.trimStart() : words);
      return;
    }
    const name = node.nodeName;
    if (name === "title" && title === undefined) title = wordsIn(node);
    if (name === "a" && "attrs" in node) {
      const href = node.attrs.find((attribute) => attribute.name === "href")?.value;
      if (href !== undefined) links.push(href);
    }
    // Links count wherever they stand; words only where they are content.
    if (SILENT.has(name) || name === "head") {
      const kept = text;
      visitAll(node, depth, false);
      text = kept;
      return;
    }
    if (name === "pre") {
      line();
      put("\n```\n");
      visitAll(node, depth, true);
      line();
      put("```\n\n");
      return;
    }
    const level = /^h([1-6])$/.exec(name)?.[1];
    if (level !== undefined) {
      line();
      put(`\n${"#".repeat(Number(level))} ${wordsIn(node)}\n\n`);
      visitAll(node, depth, false, true);
      return;
    }
    const isBlock = BREAKS.has(name);
    if (isBlock && !isCode) line();
    if (name === "li") put("- ");
    if (name === "td" || name === "th") put(" | ");
    visitAll(node, depth, isCode);
    if (isBlock && !isCode) line();
    if (/^(?:p|ul|ol|table|blockquote|dl|section|div)$/.test(name) && !text.endsWith("\n\n") && text !== "")
      put("\n");
  };
  const visitAll = (node: Node, depth: number, isCode: boolean, forLinks = false): void => {
    if (!("childNodes" in node) || depth > MAX_DEPTH) return;
    const kept = text;
    for (const child of node.childNodes) visit(child, depth + 1, isCode);
    if (forLinks) text = kept;
  };
  visit(parse(html), 0, false);
  return { text: text.replace(/\n{3,}/g, "\n\n").trim(), title, links };
}

function wordsIn(node: Node): string {
  const words: string[] = [];
  const queue: Node[] = [node];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (next.nodeName === "#text" && "value" in next) words.push(next.value);
    if ("childNodes" in next) queue.unshift(...next.childNodes);
  }
  return words.join("").replace(/\s+/g, " ").trim();
}
