import { DomainError } from "../kernel/errors.ts";
import { nearest } from "../kernel/flags.ts";
import { EXIT, type Io } from "../kernel/io.ts";
import { SERVER_NAMES } from "../orchestrator/servers.ts";
import { VERSION } from "../kernel/version.ts";
import { COMMANDS, findCommand } from "./commands.ts";

function help(): string {
  const storeVerbs = "<server> backup|restore|check";
  const width = Math.max(storeVerbs.length, ...[...COMMANDS.values()].map((entry) => entry.usage.length));
  const lines = [...COMMANDS.values()].map((entry) => `  ${entry.usage.padEnd(width)}  ${entry.summary}`);
  return [
    "slipway: MCP servers for autonomous software development, and hands-off runs over them",
    "",
    ...lines,
    `  ${storeVerbs.padEnd(width)}  look after the store of ${SERVER_NAMES.join(", ")}`,
    "",
    "Every command takes --home DIR (state folder) and --help.",
    "Exit codes: 0 done, 1 failed, 2 usage, 3 waiting for approval, 4 configuration, 5 budget exhausted, 6 rejected by a gate, 130 interrupted.",
  ].join("\n");
}

async function main(argv: readonly string[], io: Io): Promise<number> {
  // `--home DIR` may stand before the command, too.
  const [first, second, ...others] = argv;
  if (first === "--home" && second !== undefined) return main([...others.slice(0, 1), "--home", second, ...others.slice(1)], io);
  if (first === "--version") {
    io.out(VERSION);
    return EXIT.done;
  }
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    io.out(help());
    return first === undefined ? EXIT.usage : EXIT.done;
  }
  const found = findCommand(argv);
  if (found === undefined) {
    const near = nearest(argv.slice(0, 2).join(" "), [...COMMANDS.keys()]) ?? nearest(first, [...COMMANDS.keys()]);
    throw new DomainError("invalid", `there is no command "${first}"`, { hint: near === undefined ? "see slipway --help" : `did you mean slipway ${near}?` });
  }
  const command = await found.entry.load();
  return command(found.rest, io);
}

/** What a refusal means to the shell. */
function exitCodeOf(error: DomainError): number {
  switch (error.code) {
    case "invalid":
      return EXIT.usage;
    case "unavailable":
    case "denied":
      return EXIT.configuration;
    case "not_found":
    case "conflict":
    case "invalid_state":
    case "limit":
    case "timeout":
      return EXIT.failed;
  }
}

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
      ? { write: (text) => void process.stderr.write(text), columns: process.stderr.columns, rows: process.stderr.rows }
      : undefined,
  signal: interrupted.signal,
};

if (process.argv[2] !== "serve") {
  process.on("SIGINT", () => {
    if (interrupted.signal.aborted) process.exit(EXIT.interrupted);
    interrupted.abort();
  });
}

try {
  process.exitCode = await main(process.argv.slice(2), io);
} catch (error) {
  if (error instanceof DomainError) {
    io.err(`slipway: ${error.message}${error.hint === undefined ? "" : ` (${error.hint})`}`);
    process.exitCode = exitCodeOf(error);
  } else {
    io.err(`slipway: a defect of Slipway: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exitCode = EXIT.failed;
  }
}
