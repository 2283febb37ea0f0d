import { DomainError } from "../../../../kernel/errors.ts";

export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** What a document says, in its order. */
export interface XmlEvents {
  onOpen(element: Element): void;
  onText(text: string): void;
  onClose(name: string): void;
}

const MAX_DEPTH = 100;

/**
 * Reads XML as reports use it, as hostile input: document types and entities of the document's own are refused, so
 * nothing can grow or reach outside. Names and nesting are checked, not validity.
 *
 * Source: XML 1.0, sections 2.3 (names), 2.7 (CDATA) and 4.6 (predefined entities).
 *
 * @throws {DomainError} invalid where it is not well-formed, limit where it is nested too deep.
 */
export function readXml(text: string, events: XmlEvents): void {
  const open: string[] = [];
  let at = 0;
  while (at < text.length) {
    const next = text.indexOf("<", at);
    if (next < 0) break;
    if (next > at) events.onText(decode(text.slice(at, next)));
    if (text.startsWith("<!--", next)) at = after(text, "-->", next);
    else if (text.startsWith("<![CDATA[", next)) {
      at = after(text, "]]>", next);
      events.onText(text.slice(next + 9, at - 3));
    } else if (text.startsWith("<?", next)) at = after(text, "?>", next);
    else if (text.startsWith("<!", next)) throw malformed("holds a document type");
    else if (text.startsWith("</", next)) {
      at = after(text, ">", next);
      const name = text.slice(next + 2, at - 1).trimEnd();
      if (open.pop() !== name) throw malformed("closes what it did not open");
      events.onClose(name);
    } else {
      const { element, isEmpty, end } = readTag(text, next);
      at = end;
      events.onOpen(element);
      if (isEmpty) events.onClose(element.name);
      else if (open.push(element.name) > MAX_DEPTH)
        throw new DomainError("limit", "the report is nested too deep", {
          hint: "write a flat JUnit report",
        });
    }
  }
  if (open.length > 0) throw malformed("ends too early");
}

const NAME = /[A-Za-z_:][\w:.-]*/y;
const ATTRIBUTE = /\s+([A-Za-z_:][\w:.-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const TAG_END = /\s*(\/?)>/y;

function readTag(
  text: string,
  start: number,
): { readonly element: Element; readonly isEmpty: boolean; readonly end: number } {
  const [name] = take(NAME, text, start + 1) ?? [];
  if (name === undefined) throw malformed("has a tag without a name");
  let at = start + 1 + name.length;
  const attributes = new Map<string, string>();
  for (let found = take(ATTRIBUTE, text, at); found !== null; found = take(ATTRIBUTE, text, at)) {
    attributes.set(found[1] ?? "", decode(found[2] ?? found[3] ?? ""));
    at += found[0].length;
  }
  const end = take(TAG_END, text, at);
  if (end === null) throw malformed(`has a broken tag ${name}`);
  return { element: { name, attributes }, isEmpty: end[1] === "/", end: at + end[0].length };
}

function take(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  if (at < 0) throw malformed("ends too early");
  return at + mark.length;
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
]);

function decode(text: string): string {
  if (!text.includes("&")) return text;
  return text.replaceAll(/&(#x?[0-9A-Fa-f]{1,8}|\w{1,32});/g, (_whole, name: string) => {
    if (!name.startsWith("#")) {
      const known = ENTITIES.get(name);
      if (known === undefined) throw malformed("names an entity of its own");
      return known;
    }
    const code = name.startsWith("#x") ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10_ff_ff ? String.fromCodePoint(code) : "\ufffd";
  });
}

function malformed(why: string): DomainError {
  return new DomainError("invalid", `the report is not sound XML: it ${why}`, {
    hint: "let the test tool write the report itself",
  });
}
