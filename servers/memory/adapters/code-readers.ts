import type { Node } from "@vscode/tree-sitter-wasm";
import type { ImportedName, SymbolKind } from "../domain/code/facts.ts";
import type { Reader, Reading } from "./code-parser.ts";

export const readScript: Reader = (name, node, into) => {
  switch (name) {
    case "import": {
      const source = node.childForFieldName("source") ?? node.descendantsOfType("string")[0];
      if (source != null) into.imports.push({ from: unquoted(source.text), names: scriptNames(node) });
      return;
    }
    case "module":
      if (!node.text.includes("${")) into.imports.push({ from: unquoted(node.text), names: [] });
      return;
    case "function":
    case "class":
      return addSymbol(into, name === "class" ? "Class" : "Function", node, heritageOf(node.parent));
    case "method": {
      const owner = node.parent?.parent?.parent?.childForFieldName("name")?.text;
      if (owner !== undefined) addSymbol(into, "Function", node, NO_BASES, `${owner}.${node.text}`);
      return;
    }
    case "variable":
    case "exported": {
      const named = node.childForFieldName("name");
      const value = node.childForFieldName("value")?.type ?? "";
      const isFunction = /^(?:arrow_function|function_expression|generator_function)$/.test(value);
      if (named?.type === "identifier" && (isFunction || name === "exported"))
        addSymbol(into, isFunction ? "Function" : "Constant", named, NO_BASES);
      return;
    }
  }
};

export const readPython: Reader = (name, node, into) => {
  if (name === "import") {
    const from = node.childForFieldName("module_name")?.text.replaceAll(/\s/g, "");
    const named = node.childrenForFieldName("name").flatMap((one) => (one === null ? [] : [aliased(one)]));
    const all = node.descendantsOfType("wildcard_import").length > 0 ? [{ name: "*", local: "*" }] : [];
    if (from !== undefined) into.imports.push({ from, names: [...named, ...all] });
    else for (const one of named) into.imports.push({ from: one.name, names: [] });
    return;
  }
  const owner = enclosing(node.parent?.parent, "class_definition", "function_definition");
  if (owner?.type === "function_definition") return;
  const own = owner === undefined ? node.text : `${owner.childForFieldName("name")?.text ?? ""}.${node.text}`;
  const bases = node.parent?.childForFieldName("superclasses")?.namedChildren ?? [];
  const extended = bases.flatMap((base) =>
    base === null || base.type === "keyword_argument" ? [] : [base.text],
  );
  addSymbol(into, name === "class" ? "Class" : "Function", node, { extends: extended, implements: [] }, own);
};

export const readGo: Reader = (name, node, into) => {
  switch (name) {
    case "module":
      into.imports.push({ from: unquoted(node.text), names: [] });
      return;
    case "method": {
      const receiver = node.parent
        ?.childForFieldName("receiver")
        ?.descendantsOfType("type_identifier")[0]?.text;
      if (receiver !== undefined) addSymbol(into, "Function", node, NO_BASES, `${receiver}.${node.text}`);
      return;
    }
    default:
      addSymbol(into, name === "class" ? "Class" : "Function", node, NO_BASES);
  }
};

export const readRust: Reader = (name, node, into) => {
  switch (name) {
    case "mod": {
      if (node.childForFieldName("body") !== null) return;
      // `#[path = "x.rs"]` says where the module is.
      const path = /^#\[\s*path\s*=\s*"([^"]+)"/.exec(node.previousNamedSibling?.text ?? "")?.[1];
      into.imports.push({ from: `mod ${path ?? node.childForFieldName("name")?.text ?? ""}`, names: [] });
      return;
    }
    case "use":
      for (const path of rustPaths(node, "")) {
        const last = path.slice(path.lastIndexOf(":") + 1);
        into.imports.push({ from: path, names: last === "" ? [] : [{ name: last, local: last }] });
      }
      return;
    case "impl": {
      const trait = bare(node.childForFieldName("trait"));
      const type = bare(node.childForFieldName("type"));
      const index = into.symbols.findIndex((one) => one.name === type);
      const known = into.symbols[index];
      if (trait !== undefined && known !== undefined)
        into.symbols[index] = { ...known, implements: [...known.implements, trait] };
      return;
    }
    case "function": {
      const owner = enclosing(node.parent?.parent, "impl_item", "trait_item", "function_item");
      if (owner?.type === "function_item") return;
      const type = bare(owner?.childForFieldName(owner.type === "impl_item" ? "type" : "name") ?? null);
      addSymbol(into, "Function", node, NO_BASES, type === undefined ? node.text : `${type}.${node.text}`);
      return;
    }
    case "class": {
      const bounds = node.parent?.childForFieldName("bounds")?.namedChildren ?? [];
      const extended = bounds.flatMap((one) => bare(one) ?? []);
      addSymbol(into, "Class", node, { extends: extended, implements: [] });
    }
  }
};

export const readJava: Reader = (name, node, into) => {
  switch (name) {
    case "package":
      into.package = node.namedChild(node.namedChildCount - 1)?.text ?? "";
      return;
    case "import": {
      const path = node.descendantsOfType("scoped_identifier")[0]?.text ?? node.namedChild(0)?.text ?? "";
      const isAll = node.descendantsOfType("asterisk").length > 0;
      const last = path.slice(path.lastIndexOf(".") + 1);
      into.imports.push(
        isAll
          ? {
              from: /^import\s+static\s/.test(node.text) ? path : `${path}.*`,
              names: [{ name: "*", local: "*" }],
            }
          : { from: path, names: [{ name: last, local: last }] },
      );
      return;
    }
    case "type": {
      const from = into.package === undefined ? node.text : `${into.package}.${node.text}`;
      if (!into.imports.some((one) => one.from === from))
        into.imports.push({ from, names: [{ name: node.text, local: node.text }] });
      return;
    }
    case "class": {
      const declared = node.parent;
      const extended = [
        ...(declared?.childForFieldName("superclass")?.namedChildren ?? []),
        ...(declared?.namedChildren.find((one) => one?.type === "extends_interfaces")?.namedChild(0)
          ?.namedChildren ?? []),
      ].flatMap((one) => bare(one) ?? []);
      const implemented = (
        declared?.childForFieldName("interfaces")?.namedChild(0)?.namedChildren ?? []
      ).flatMap((one) => bare(one) ?? []);
      addSymbol(into, "Class", node, { extends: extended, implements: implemented });
      return;
    }
    case "function": {
      const owner = node.parent?.parent?.parent?.childForFieldName("name")?.text;
      addSymbol(into, "Function", node, NO_BASES, owner === undefined ? node.text : `${owner}.${node.text}`);
    }
  }
};

interface Bases {
  readonly extends: readonly string[];
  readonly implements: readonly string[];
}

const NO_BASES: Bases = { extends: [], implements: [] };

/** Overloads and partial definitions share a name: the first one stands for all. */
function addSymbol(
  into: Reading,
  kind: SymbolKind,
  node: Node,
  bases: Bases,
  name: string = node.text,
): void {
  if (into.symbols.some((one) => one.name === name)) return;
  into.symbols.push({ name, kind, line: node.startPosition.row + 1, ...bases });
}

function unquoted(text: string): string {
  return text.replace(/^["'`]|["'`]$/g, "");
}

function enclosing(node: Node | null | undefined, ...types: readonly string[]): Node | undefined {
  for (let at = node; at != null; at = at.parent) if (types.includes(at.type)) return at;
  return undefined;
}

/** A type without its arguments, as far as it is one name. */
function bare(node: Node | null): string | undefined {
  return /^[\w$.:]+/.exec(node?.text ?? "")?.[0].replace(/^.*::/, "");
}

function aliased(node: Node): ImportedName {
  const name = (node.childForFieldName("name") ?? node).text;
  return { name, local: node.childForFieldName("alias")?.text ?? name };
}

function scriptNames(node: Node): readonly ImportedName[] {
  if (node.type === "export_statement" && node.descendantsOfType("export_clause").length === 0)
    return [{ name: "*", local: "*" }];
  return node
    .descendantsOfType(["import_specifier", "export_specifier"])
    .flatMap((one) => (one === null ? [] : [aliased(one)]));
}

function heritageOf(declared: Node | null): Bases {
  const of = (type: string): readonly string[] =>
    (declared?.descendantsOfType(type) ?? []).flatMap((clause) =>
      // A class inside the class has a clause of its own.
      clause?.parent?.id === declared?.id || clause?.parent?.parent?.id === declared?.id
        ? (clause?.namedChildren ?? []).flatMap((one) => bare(one) ?? [])
        : [],
    );
  const extended = [...of("extends_clause"), ...of("extends_type_clause")];
  // Plain JavaScript has no clause around the base.
  const plain = declared?.namedChildren.find((one) => one?.type === "class_heritage");
  const isPlain = extended.length === 0 && plain?.text.startsWith("extends ") === true;
  return {
    extends: isPlain ? [bare(plain?.namedChild(0) ?? null) ?? ""].filter((one) => one !== "") : extended,
    implements: of("implements_clause"),
  };
}

/** Every path of a `use` tree, written out. */
function rustPaths(node: Node, prefix: string): readonly string[] {
  const under = (text: string): string => (prefix === "" ? text : `${prefix}::${text}`);
  switch (node.type) {
    case "use_as_clause":
      return rustPaths(node.childForFieldName("path") ?? node, prefix);
    case "use_wildcard":
      return [under(node.namedChild(0)?.text ?? "")];
    case "scoped_use_list": {
      const path = under(node.childForFieldName("path")?.text ?? "");
      return (node.childForFieldName("list")?.namedChildren ?? []).flatMap((one) =>
        one === null ? [] : rustPaths(one, path),
      );
    }
    case "use_list":
      return node.namedChildren.flatMap((one) => (one === null ? [] : rustPaths(one, prefix)));
    case "self":
      return [prefix === "" ? "self" : prefix];
    default:
      return [under(node.text.replaceAll(/\s/g, ""))];
  }
}
