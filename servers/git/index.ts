export { createGitServer, type GitTools } from "./server.ts";
export type { GitDeps } from "./deps.ts";
export { openHost, type GitHost, type HostSettings } from "./adapters/host.ts";
export { openGitHub } from "./adapters/github.ts";
export { keyedMutex } from "./adapters/mutex.ts";
export { openGitStore } from "./store/sqlite.ts";
export type { GitStore } from "./store/store.ts";
