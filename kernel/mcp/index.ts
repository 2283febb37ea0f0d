/** What an embedder needs to serve an opened server: over its own stdio, over HTTP, or inside its process. */
export { serveOverHttp, type HttpOptions } from "./http.ts";
export { serveInProcess } from "./in-process.ts";
export type { ToolServer } from "./server.ts";
export { serveOverStdio } from "./stdio.ts";
export type { Scope, Token } from "./tokens.ts";
