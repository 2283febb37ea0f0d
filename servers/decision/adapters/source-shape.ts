import type { Grammar } from "../../../kernel/source-files.ts";
import type { SourceNode } from "../../../kernel/source-trees.ts";
import { pathComplexity, type PathComplexity } from "../domain/path-complexity.ts";
import type { Signature } from "../domain/surface.ts";

interface Words {
  readonly functions: readonly string[];
  readonly decisions: readonly string[];
}

const SCRIPT: Words = {
  functions: [
    "function_declaration",
    "generator_function_declaration",
    "function_expression",
    "generator_function",
    "arrow_function",
    "method_definition",
  ],
  decisions: [
    "if_statement",
    "for_statement",
    "for_in_statement",
    "while_statement",
    "do_statement",
    "switch_case",
    "catch_clause",
    "ternary_expression",
  ],
};

// What a function and what a decision is, by the names of each grammar.
const WORDS: Readonly<Record<Grammar, Words>> = {
  javascript: SCRIPT,
  typescript: SCRIPT,
  tsx: SCRIPT,
  python: {
    functions: ["function_definition", "lambda"],
    decisions: [
      "if_statement",
      "elif_clause",
      "for_statement",
      "while_statement",
      "except_clause",
      "case_clause",
      "conditional_expression",
      "boolean_operator",
      "if_clause",
      "for_in_clause",
    ],
  },
  go: {
    functions: ["function_declaration", "method_declaration", "func_literal"],
    decisions: ["if_statement", "for_statement", "expression_case", "type_case", "communication_case"],
  },
  rust: {
    functions: ["function_item", "closure_expression"],
    decisions: ["if_expression", "for_expression", "while_expression", "loop_expression", "match_arm"],
  },
  java: {
    functions: ["method_declaration", "constructor_declaration", "lambda_expression"],
    decisions: [
      "if_statement",
      "for_statement",
      "enhanced_for_statement",
      "while_statement",
      "do_statement",
      "switch_label",
      "catch_clause",
      "ternary_expression",
    ],
  },
};
const SHORT_CIRCUITS: readonly string[] = ["&&", "||", "??"];

/** Paths through the functions that the changed lines lie in. */
export function pathsOf(root: SourceNode, grammar: Grammar, changed: readonly number[]): PathComplexity {
  const { functions, decisions } = WORDS[grammar];
  const found = (types: readonly string[]): readonly SourceNode[] =>
    root.descendantsOfType([...types]).flatMap((node) => (node === null ? [] : [node]));
  const shortCircuits = found(["binary_expression"]).filter((node) =>
    SHORT_CIRCUITS.includes(node.childForFieldName("operator")?.type ?? ""),
  );
  return pathComplexity(
    found(functions).map((node) => ({
      start: node.startIndex,
      end: node.endIndex,
      firstLine: node.startPosition.row + 1,
      lastLine: node.endPosition.row + 1,
    })),
    [...found(decisions), ...shortCircuits].map((node) => node.startIndex),
    changed,
  );
}

/** What a module gives to others: by name, and what it passes on from other modules. */
export interface ModuleExports {
  readonly own: ReadonlyMap<string, Signature>;
  readonly passed: readonly PassedOn[];
}

/** Names of another module; `*` stands for all of them, and `as` for the name of all as one. */
export interface PassedOn {
  readonly from: string;
  readonly name: string;
  readonly as: string;
}

/** Reads the exports of a JavaScript or TypeScript module: `export`, `module.exports` and `exports.name`. */
export function scriptExports(root: SourceNode): ModuleExports {
  const declared = new Map<string, Signature>();
  for (const node of root.namedChildren) if (node !== null) declare(node, declared);
  const own = new Map<string, Signature>();
  const passed: PassedOn[] = [];
  for (const node of root.namedChildren) {
    if (node?.type === "export_statement") readExport(node, declared, own, passed);
    else if (node?.type === "expression_statement") readCommonExport(node, declared, own);
  }
  // Members of what is exported.
  for (const [name, signature] of declared) {
    const owner = name.split(".")[0] ?? "";
    if (owner !== name && own.has(owner)) own.set(name, signature);
  }
  return { own, passed };
}

function readExport(
  node: SourceNode,
  declared: ReadonlyMap<string, Signature>,
  own: Map<string, Signature>,
  passed: PassedOn[],
): void {
  const from = unquoted(node.childForFieldName("source")?.text ?? "");
  const clause = node.namedChildren.find((child) => child?.type === "export_clause");
  const whole = node.namedChildren.find((child) => child?.type === "namespace_export");
  const declaration = node.childForFieldName("declaration");
  if (clause != null) {
    for (const item of clause.namedChildren) {
      if (item?.type !== "export_specifier") continue;
      const name = item.childForFieldName("name")?.text ?? "";
      const as = item.childForFieldName("alias")?.text ?? name;
      if (from === "") own.set(as, declared.get(name) ?? null);
      else passed.push({ from, name, as });
    }
  } else if (whole != null) own.set(whole.namedChildren[0]?.text ?? "", null);
  else if (from !== "") passed.push({ from, name: "*", as: "*" });
  else if (node.children.some((child) => child?.type === "default")) {
    const value = declaration ?? node.childForFieldName("value");
    own.set("default", value == null ? null : signatureOf(value));
  } else if (declaration !== null) {
    const names = new Map<string, Signature>();
    declare(declaration, names);
    for (const [name, signature] of names) own.set(name, signature);
  }
}

function readCommonExport(
  node: SourceNode,
  declared: ReadonlyMap<string, Signature>,
  own: Map<string, Signature>,
): void {
  const assignment = node.namedChildren.find((child) => child?.type === "assignment_expression");
  const left = assignment?.childForFieldName("left")?.text ?? "";
  const right = assignment?.childForFieldName("right");
  if (right == null) return;
  const named = /^(?:module\.)?exports\.([A-Za-z_$][\w$]*)$/.exec(left)?.[1];
  if (named !== undefined) own.set(named, signatureOf(right) ?? declared.get(right.text) ?? null);
  else if (left === "module.exports" && right.type === "object") {
    for (const item of right.namedChildren) {
      if (item === null) continue;
      const key = item.childForFieldName("key") ?? item.childForFieldName("name") ?? item;
      const value = item.childForFieldName("value") ?? item;
      if (/^[\w$]+$/.test(key.text))
        own.set(key.text, signatureOf(value) ?? declared.get(value.text) ?? null);
    }
  } else if (left === "module.exports")
    own.set("module.exports", signatureOf(right) ?? declared.get(right.text) ?? null);
}

/** Names that a statement of the top level declares, with the public members of classes. */
function declare(node: SourceNode, into: Map<string, Signature>): void {
  const declaration = node.type === "export_statement" ? node.childForFieldName("declaration") : node;
  if (declaration === null) return;
  const name = declaration.childForFieldName("name")?.text;
  switch (declaration.type) {
    case "lexical_declaration":
    case "variable_declaration":
      for (const one of declaration.namedChildren) {
        const named = one?.childForFieldName("name");
        const value = one?.childForFieldName("value");
        if (named?.type === "identifier") into.set(named.text, value == null ? null : signatureOf(value));
      }
      return;
    case "class_declaration":
    case "abstract_class_declaration":
      if (name === undefined) return;
      into.set(name, null);
      for (const member of declaration.childForFieldName("body")?.namedChildren ?? []) {
        if (member?.type !== "method_definition") continue;
        const method = member.childForFieldName("name")?.text ?? "";
        const isHidden = /^[#_]/.test(method) || /^(?:private|protected)\b/.test(member.text);
        if (!isHidden) into.set(`${name}.${method}`, signatureOf(member));
      }
      return;
    case "function_declaration":
    case "generator_function_declaration":
    case "interface_declaration":
    case "type_alias_declaration":
    case "enum_declaration":
    case "function_signature":
      // Of several signatures of one function none is compared.
      if (name !== undefined) into.set(name, into.has(name) ? null : signatureOf(declaration));
      return;
    case "ambient_declaration":
      for (const one of declaration.namedChildren) if (one !== null) declare(one, into);
      return;
    default:
  }
}

/** What a function has to be given. */
function signatureOf(node: SourceNode): Signature {
  if (node.childForFieldName("parameter") !== null) return { required: 1, most: 1 };
  const list = node.childForFieldName("parameters");
  if (list === null) return null;
  let [required, most] = [0, 0];
  for (const parameter of list.namedChildren) {
    if (parameter === null || parameter.type === "comment" || /^this\b/.test(parameter.text)) continue;
    const isRest = parameter.descendantsOfType("rest_pattern").length > 0 && parameter.text.startsWith("...");
    if (isRest) {
      most = Number.POSITIVE_INFINITY;
      continue;
    }
    const isOptional =
      parameter.type === "optional_parameter" ||
      parameter.type === "assignment_pattern" ||
      parameter.childForFieldName("value") !== null;
    most += 1;
    if (!isOptional) required = most;
  }
  return { required, most };
}

/** Reads what a Python module offers: functions, classes and methods whose names begin with no underscore. */
export function pythonExports(root: SourceNode): ReadonlyMap<string, Signature> {
  const own = new Map<string, Signature>();
  for (const node of root.namedChildren) {
    const definition = definitionOf(node);
    const name = definition?.childForFieldName("name")?.text;
    if (definition === null || name === undefined || name.startsWith("_")) continue;
    own.set(name, definition.type === "function_definition" ? pythonSignature(definition, false) : null);
    if (definition.type !== "class_definition") continue;
    for (const member of definition.childForFieldName("body")?.namedChildren ?? []) {
      const method = definitionOf(member);
      const called = method?.childForFieldName("name")?.text ?? "_";
      if (method?.type === "function_definition" && (!called.startsWith("_") || called === "__init__"))
        own.set(`${name}.${called}`, pythonSignature(method, !member?.text.startsWith("@staticmethod")));
    }
  }
  return own;
}

function definitionOf(node: SourceNode | null): SourceNode | null {
  const inner = node?.type === "decorated_definition" ? node.childForFieldName("definition") : node;
  return inner?.type === "function_definition" || inner?.type === "class_definition" ? inner : null;
}

function pythonSignature(node: SourceNode, isMethod: boolean): Signature {
  let [required, most] = [0, 0];
  for (const parameter of node.childForFieldName("parameters")?.namedChildren ?? []) {
    switch (parameter?.type) {
      case "identifier":
      case "typed_parameter":
        if (parameter.text.startsWith("*")) most = Number.POSITIVE_INFINITY;
        else {
          most += 1;
          required += 1;
        }
        break;
      case "default_parameter":
      case "typed_default_parameter":
        most += 1;
        break;
      case "list_splat_pattern":
      case "dictionary_splat_pattern":
        most = Number.POSITIVE_INFINITY;
        break;
      default:
    }
  }
  const own = isMethod ? 1 : 0;
  return { required: Math.max(0, required - own), most: Math.max(0, most - own) };
}

function unquoted(text: string): string {
  return text.replace(/^["'`]|["'`]$/g, "");
}
