import { DomainError } from "../kernel/errors.ts";
import { EXIT, type Io } from "../kernel/io.ts";
import { VERSION } from "../kernel/version.ts";
import { COMMANDS, findCommand, suggestCommand } from "./commands.ts";
import { STORES, STORE_VERBS } from "./store-verbs.ts";

/**
 * The whole command line: runs what `argv` asks for, says in one line what stands in the way, and returns the exit code.
 * `takeInterrupts` is called before a command that ends in order once `io.signal` aborts.
 */
export async function program(
  argv: readonly string[],
  io: Io,
  takeInterrupts: () => void = () => {},
): Promise<number> {
  try {
    return await dispatch(argv, io, takeInterrupts);
  } catch (error) {
    if (error instanceof DomainError) {
      io.err(`slipway: ${error.message}${error.hint === undefined ? "" : ` (${error.hint})`}`);
      return exitCodeOf(error);
    }
    io.err(
      `slipway: a defect of Slipway: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    return EXIT.failed;
  }
}

function help(): string {
  const storeVerbs = "<store> backup|restore|check";
  const width = Math.max(storeVerbs.length, ...[...COMMANDS.values()].map((entry) => entry.usage.length));
  const lines = [...COMMANDS.values()].map((entry) => `  ${entry.usage.padEnd(width)}  ${entry.summary}`);
  return [
    "slipway: MCP servers for autonomous software development, and hands-off runs over them",
    "",
    ...lines,
    `  ${storeVerbs.padEnd(width)}  look after the store of ${[...STORES.keys()].join(", ")}`,
    "",
    "Every command takes --home DIR (state folder) and --help.",
    "Exit codes: 0 done, 1 failed, 2 usage, 3 waiting for approval, 4 configuration, 5 budget exhausted, 6 rejected by a gate, 130 interrupted.",
  ].join("\n");
}

/** The commands that begin with a word, or nothing where none does. */
function groupHelp(word: string): readonly string[] {
  const commands = [...COMMANDS.values()].filter(({ usage }) => usage.startsWith(`${word} `));
  const verbs = STORES.has(word)
    ? [{ usage: `${word} ${[...STORE_VERBS.keys()].join("|")}`, summary: "look after its store" }]
    : [];
  const entries = [...commands, ...verbs];
  const width = Math.max(...entries.map(({ usage }) => usage.length));
  return entries.map(({ usage, summary }) => `slipway ${usage.padEnd(width)}  ${summary}`);
}

async function dispatch(argv: readonly string[], io: Io, takeInterrupts: () => void): Promise<number> {
  const { global, words } = splitGlobal(argv);
  const [first, ...others] = words;
  if (first === "--version") {
    io.out(VERSION);
    return EXIT.done;
  }
  if (first === "help" && others.length > 0) return dispatch([...others, "--help"], io, takeInterrupts);
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    io.out(help());
    return first === undefined ? EXIT.usage : EXIT.done;
  }
  const found = findCommand(words);
  if (found === undefined && (others[0] === "--help" || others[0] === "-h")) {
    const lines = groupHelp(first);
    if (lines.length > 0) {
      io.out(lines.join("\n"));
      return EXIT.done;
    }
  }
  if (found === undefined) {
    const isFlag = first.startsWith("-");
    const named = STORES.has(first) ? words.slice(0, 2).join(" ") : first;
    throw new DomainError("invalid", isFlag ? `unknown flag ${first}` : `there is no command "${named}"`, {
      hint: isFlag ? "see slipway --help" : suggestCommand(words),
    });
  }
  const command = await found.entry.load();
  // A server ends in its own way.
  if (first !== "serve") takeInterrupts();
  // Flags given before the command come first, so that one given after it wins.
  return command([...global, ...found.rest], io);
}

/** Takes `--home DIR` or `--home=DIR`, which may stand before the command, too, off the front. */
function splitGlobal(argv: readonly string[]): {
  readonly global: readonly string[];
  readonly words: readonly string[];
} {
  const [first, second, ...others] = argv;
  if (first === "--home") {
    if (second === undefined)
      throw new DomainError("invalid", "--home needs a value", { hint: "--home DIR" });
    const inner = splitGlobal(others);
    return { global: [`--home=${second}`, ...inner.global], words: inner.words };
  }
  if (first?.startsWith("--home=") === true) {
    const inner = splitGlobal(argv.slice(1));
    return { global: [first, ...inner.global], words: inner.words };
  }
  return { global: [], words: argv };
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
