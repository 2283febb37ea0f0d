/** One line of JSON on stderr per call; stdout belongs to the protocol. */
export type Log = (
  level: "info" | "warn" | "error",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** Writes log lines to a stream, by default this process's stderr. */
export function logTo(write: (line: string) => void, clock: () => number): Log {
  return (level, message, fields) => {
    write(`${JSON.stringify({ at: new Date(clock()).toISOString(), level, message, ...fields })}\n`);
  };
}

/** For embedding and tests: says nothing. */
export const silentLog: Log = () => undefined;
