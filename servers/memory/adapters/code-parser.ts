import type { Node, Query } from "@vscode/tree-sitter-wasm";
import { sourceTrees } from "../../../kernel/source-trees.ts";
import type { CodeFacts, ImportFact, SymbolFact } from "../domain/code/facts.ts";
import type { Grammar } from "../../../kernel/source-files.ts";
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

/** For looking through what was parsed. */
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

/** A parser that loads tree-sitter with its first file and each grammar with the first file that needs it. */
export function codeParser(): CodeParser {
  const trees = sourceTrees();
  const queries = new Map<Grammar, Query>();
  return {
    parse: (grammar, text) =>
      trees.read(grammar, text, (root, makeQuery) => {
        const query = queries.get(grammar) ?? makeQuery(QUERIES[grammar]);
        queries.set(grammar, query);
        const started = performance.now();
        const captures = query.captures(root, { timeoutMicros: LONGEST_MS * 1_000 });
        // A query that is given up says so only by finding nothing.
        if (captures.length === 0 && performance.now() - started >= LONGEST_MS) return undefined;
        const reading: Reading = { imports: [], symbols: [] };
        for (const { name, node } of captures) READERS[grammar](name, node, reading);
        return reading;
      }),
  };
}
