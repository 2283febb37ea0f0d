import { EXIT, type Io } from "../kernel/io.ts";
import { program } from "./program.ts";

const interrupted = new AbortController();
// A reader that went away (`| head`) ends the program quietly instead of with a stack trace.
process.stdout.on("error", () => process.exit(EXIT.done));

const io: Io = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  env: process.env,
  cwd: process.cwd(),
  terminal:
    process.stderr.isTTY && process.env["TERM"] !== "dumb"
      ? {
          write: (text) => void process.stderr.write(text),
          columns: process.stderr.columns,
          rows: process.stderr.rows,
        }
      : undefined,
  signal: interrupted.signal,
};

/** The first SIGINT asks the command to stop, the second ends it. */
function interruptOnSigint(): void {
  process.on("SIGINT", () => {
    if (interrupted.signal.aborted) process.exit(EXIT.interrupted);
    interrupted.abort();
  });
}

process.exitCode = await program(process.argv.slice(2), io, interruptOnSigint);
