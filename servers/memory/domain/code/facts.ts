/** A name taken from another file, and what it is called here. */
export interface ImportedName {
  readonly name: string;
  readonly local: string;
}

/** One import as it is written; what file it means is decided by the resolver of its language. */
export interface ImportFact {
  /** "./a", "os.path", "..pkg", "example.org/mod/pkg", "crate::a::B", "a.b.C". */
  readonly from: string;
  /** Empty where the whole module is taken. */
  readonly names: readonly ImportedName[];
}

/** Kinds of symbols, which are also the types of their entities. */
export type SymbolKind = "Function" | "Class" | "Constant";

/** Something a file defines. Interfaces, traits, structs, enums and type aliases count as classes. */
export interface SymbolFact {
  /** A method is named with its class: `Store.close`. */
  readonly name: string;
  readonly kind: SymbolKind;
  /** From 1. */
  readonly line: number;
  readonly extends: readonly string[];
  readonly implements: readonly string[];
}

/** What one source file says by itself. */
export interface CodeFacts {
  readonly imports: readonly ImportFact[];
  readonly symbols: readonly SymbolFact[];
  /** The package a Java file says it is in. Its types need no import there, so each one named counts as one. */
  readonly package?: string | undefined;
}

export const NO_FACTS: CodeFacts = { imports: [], symbols: [] };
