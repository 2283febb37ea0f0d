import { fileURLToPath } from "node:url";
import type { Language, Node, Parser, Query } from "@vscode/tree-sitter-wasm";
import { DomainError } from "./errors.ts";
import type { Grammar } from "./source-files.ts";

/** A node of a syntax tree; not to be kept after the look at it. */
export type SourceNode = Node;

/** Makes a query of its text for the grammar that is being read. */
export type QueryMaker = (text: string) => Query;

/** Parses source code. Text that is broken is read as far as it makes sense. */
export interface SourceTrees {
  /**
   * What `look` makes of the tree of a text. Undefined for text that takes more than a second of processor time, such
   * as twenty thousand open brackets.
   * @throws {DomainError} unavailable where the grammars are not installed.
   */
  read<T>(
    grammar: Grammar,
    text: string,
    look: (root: SourceNode, makeQuery: QueryMaker) => T,
  ): Promise<T | undefined>;
}

const LONGEST_MS = 1_000;

interface Library {
  readonly parser: Parser;
  readonly makeQuery: (language: Language, text: string) => Query;
  load(grammar: Grammar): Promise<Language>;
}

/** Loads tree-sitter with the first text and each grammar with the first text that needs it. */
export function sourceTrees(): SourceTrees {
  let library: Promise<Library> | undefined;
  return {
    async read(grammar, text, look) {
      library ??= openLibrary();
      const { parser, load, makeQuery } = await library;
      const language = await load(grammar);
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
        return look(tree.rootNode, (query) => makeQuery(language, query));
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
  const { treeSitter } = await import("./tree-sitter.ts").catch((cause: unknown) => {
    throw new DomainError("unavailable", "the grammars that read source code are not installed", {
      hint: "npm install @vscode/tree-sitter-wasm",
      retryable: false,
      cause,
    });
  });
  const loaded = new Map<Grammar, Promise<Language>>();
  return {
    parser: new treeSitter.Parser(),
    makeQuery: (language, text) => new treeSitter.Query(language, text),
    async load(grammar) {
      const file = import.meta.resolve(`@vscode/tree-sitter-wasm/wasm/tree-sitter-${grammar}.wasm`);
      const known = loaded.get(grammar) ?? treeSitter.Language.load(fileURLToPath(file));
      loaded.set(grammar, known);
      return known;
    },
  };
}
