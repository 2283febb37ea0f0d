import { fileURLToPath } from "node:url";
import type { Language, Node, Parser, Query } from "@vscode/tree-sitter-wasm";
import { DomainError } from "../../../kernel/errors.ts";
import type { CodeFacts, ImportFact, SymbolFact } from "../domain/code/facts.ts";
import type { Grammar } from "../domain/code/language.ts";
import { readGo, readJava, readPython, readRust, readScript } from "./code-readers.ts";
import { QUERIES } from "./code-queries.ts";

/** Reads what a source file imports and defines. Text that is broken is read as far as it makes sense. */
export interface CodeParser {
  /**
   * Undefined for text that takes longer than a second, such as twenty thousand open brackets.
   * @throws {DomainError} unavailable where the grammars are not installed.
   */
  parse(grammar: Grammar, text: string): Promise<CodeFacts | undefined>;
}

/** For parsing, and again for looking through what was parsed. */
const LONGEST_MS = 1_000;

/** What a reader collects while it goes through the captures of a file. */
export interface Reading {
  readonly imports: ImportFact[];
  readonly symbols: SymbolFact[];
  package?: string;
}

/** Makes facts of one captured node; `name` is the capture's. */
export type Reader = (name: string, node: Node, into: Reading) => void;

const READERS: Readonly<Record<Grammar, Reader>> = {
  typescript: readScript,
  tsx: readScript,
  javascript: readScript,
  python: readPython,
  go: readGo,
  rust: readRust,
  java: readJava,
};

/** A grammar with what is looked for in its trees. */
interface Loaded {
  readonly language: Language;
  readonly query: Query;
}

interface Library {
  readonly parser: Parser;
  load(grammar: Grammar): Promise<Loaded>;
}

/** A parser that loads tree-sitter with its first file and each grammar with the first file that needs it. */
export function codeParser(): CodeParser {
  let library: Promise<Library> | undefined;
  return {
    async parse(grammar, text) {
      library ??= openLibrary();
      const { parser, load } = await library;
      const { language, query } = await load(grammar);
      const spent = spentSince(process.cpuUsage());
      const tree = parser
        .setLanguage(language)
        .parse(text, null, { progressCallback: () => spent() > LONGEST_MS });
      if (tree === null) {
        // Else the next text would be taken for the rest of this one.
        parser.reset();
        return undefined;
      }
      try {
        const started = performance.now();
        const captures = query.captures(tree.rootNode, { timeoutMicros: LONGEST_MS * 1_000 });
        // A query that is given up says so only by finding nothing.
        if (captures.length === 0 && performance.now() - started >= LONGEST_MS) return undefined;
        const reading: Reading = { imports: [], symbols: [] };
        for (const { name, node } of captures) READERS[grammar](name, node, reading);
        return reading;
      } finally {
        tree.delete();
      }
    },
  };
}

/** Processor time of this process from a moment on, in milliseconds: other load on the machine does not count. */
function spentSince(start: NodeJS.CpuUsage): () => number {
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000;
  };
}

async function openLibrary(): Promise<Library> {
  const { default: treeSitter } = await import("@vscode/tree-sitter-wasm").catch((cause: unknown) => {
    throw new DomainError("unavailable", "the grammars that read source code are not installed", {
      hint: "npm install @vscode/tree-sitter-wasm",
      retryable: false,
      cause,
    });
  });
  await treeSitter.Parser.init();
  const loaded = new Map<Grammar, Promise<Loaded>>();
  const open = async (grammar: Grammar): Promise<Loaded> => {
    const file = import.meta.resolve(`@vscode/tree-sitter-wasm/wasm/tree-sitter-${grammar}.wasm`);
    const language = await treeSitter.Language.load(fileURLToPath(file));
    return { language, query: new treeSitter.Query(language, QUERIES[grammar]) };
  };
  return {
    parser: new treeSitter.Parser(),
    async load(grammar) {
      const known = loaded.get(grammar) ?? open(grammar);
      loaded.set(grammar, known);
      return known;
    },
  };
}
