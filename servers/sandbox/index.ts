export { openBackends, type Backends } from "./adapters/choose.ts";
export type { Backend, BackendName } from "./adapters/backend.ts";
export type { Guarantees } from "./domain/guarantees.ts";
export type { Limits } from "./domain/limits.ts";
export type { Outcome } from "./domain/outcome.ts";
export type { SandboxDeps } from "./deps.ts";
export { createSandboxServer, type SandboxTools } from "./server.ts";
export { openSandboxStore } from "./store/sqlite.ts";
export type { SandboxStore } from "./store/sandbox-store.ts";
