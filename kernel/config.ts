import type { Log } from "./log.ts";

/** What a server may draw its configuration from. Its `config.ts` is the only file that reads it. */
export interface ServerSources {
  /** The state folder; made when first written. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly log: Log;
}
