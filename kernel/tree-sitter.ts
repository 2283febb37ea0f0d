import treeSitter from "@vscode/tree-sitter-wasm";

// The library holds one machine per process, and two that are started at the same time break each other. A module is
// evaluated once, however many ask for it at once.
await treeSitter.Parser.init();

export { treeSitter };
