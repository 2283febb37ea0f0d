import type { Grammar } from "../../../kernel/source-files.ts";

// Tree-sitter queries, one for each grammar: what a capture is called says what code-parser.ts makes of its node.

const SCRIPT = `
(import_statement) @import
(export_statement source: (string)) @import
(call_expression function: (import) arguments: (arguments . [(string) (template_string)] @module))
(call_expression function: (identifier) @callee arguments: (arguments . [(string) (template_string)] @module) (#eq? @callee "require"))
(function_declaration name: (_) @function)
(generator_function_declaration name: (_) @function)
(class_declaration name: (_) @class)
(method_definition name: (property_identifier) @method)
(program (lexical_declaration (variable_declarator) @variable))
(program (export_statement (lexical_declaration (variable_declarator) @exported)))`;

const TYPES = `
(abstract_class_declaration name: (_) @class)
(interface_declaration name: (_) @class)
(type_alias_declaration name: (_) @class)
(enum_declaration name: (_) @class)
(function_signature name: (_) @function)`;

export const QUERIES: Readonly<Record<Grammar, string>> = {
  javascript: SCRIPT,
  typescript: SCRIPT + TYPES,
  tsx: SCRIPT + TYPES,
  python: `
(import_statement) @import
(import_from_statement) @import
(class_definition name: (identifier) @class)
(function_definition name: (identifier) @function)`,
  go: `
(import_spec path: (_) @module)
(function_declaration name: (identifier) @function)
(method_declaration name: (field_identifier) @method)
(type_spec name: (type_identifier) @class)
(type_alias name: (type_identifier) @class)`,
  rust: `
(mod_item) @mod
(use_declaration argument: (_) @use)
(extern_crate_declaration name: (identifier) @use)
(function_item name: (identifier) @function)
(function_signature_item name: (identifier) @function)
(struct_item name: (_) @class)
(enum_item name: (_) @class)
(union_item name: (_) @class)
(trait_item name: (_) @class)
(type_item name: (_) @class)
(impl_item) @impl
(macro_definition name: (identifier) @function)`,
  java: `
(package_declaration) @package
(import_declaration) @import
(class_declaration name: (identifier) @class)
(interface_declaration name: (identifier) @class)
(enum_declaration name: (identifier) @class)
(record_declaration name: (identifier) @class)
(annotation_type_declaration name: (identifier) @class)
(method_declaration name: (identifier) @function)
(type_identifier) @type`,
};
