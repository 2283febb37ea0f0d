import { join } from "node:path";
import type { ServerSources } from "../../kernel/config.ts";

export interface MemoryConfig {
  /** The SQLite file. */
  readonly path: string;
}

export function readMemoryConfig({ home }: ServerSources): MemoryConfig {
  return { path: join(home, "memory.db") };
}
