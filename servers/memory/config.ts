import { join } from "node:path";
import { projectRoots, type ServerSources } from "../../kernel/config.ts";

export interface MemoryConfig {
  /** The SQLite file. */
  readonly database: string;
  /** Folders whose files may be read. */
  readonly roots: readonly string[];
  /** Hosts that may be read though they are not on the public internet. */
  readonly allowedHosts: readonly string[];
  /** Where git is looked for. */
  readonly path: string;
}

export function readMemoryConfig(sources: ServerSources): MemoryConfig {
  return {
    database: join(sources.home, "memory.db"),
    roots: projectRoots(sources),
    allowedHosts: (sources.env["SLIPWAY_ALLOWED_HOSTS"] ?? "").split(",").filter((host) => host !== ""),
    path: sources.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
  };
}
