/** What a command may say to the world: data to `out`, words for people to `err`. */
export interface Io {
  out(line: string): void;
  err(line: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The terminal behind stderr; undefined where there is none. */
  readonly terminal:
    | { readonly write: (text: string) => void; readonly columns: number; readonly rows: number }
    | undefined;
  /** Aborts at the first SIGINT. */
  readonly signal: AbortSignal;
}

/** One command: takes the words after its name, returns the exit code. */
export type Command = (argv: readonly string[], io: Io) => Promise<number>;

/** The exit codes that outside programs rely on. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  waiting: 3,
  configuration: 4,
  budget: 5,
  rejected: 6,
  interrupted: 130,
} as const;
