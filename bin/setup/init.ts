import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DomainError } from "../../kernel/errors.ts";
import { parseFlags, type Flags } from "../../kernel/flags.ts";
import { findHome } from "../../kernel/home.ts";
import { EXIT, type Command, type Io } from "../../kernel/io.ts";
import { openControllingTerminal, type OpenTerminal, type Terminal } from "../../kernel/terminal.ts";
import { carryOut } from "./carry-out.ts";
import { fileOf, HOSTS, isHere, type Place, type Scope } from "./hosts.ts";
import { planAdd, planRemove, type Change } from "./host-file.ts";
import { launchesFor } from "./launches.ts";
import { placeOf } from "./place.ts";
import { SETTINGS_TEXT } from "./settings-file.ts";

const HELP = `slipway init [--yes] [--remove]

Sets Slipway up for the project around the working directory: writes slipway.yaml with the defaults, and adds the
servers to the MCP hosts that it finds here. What is there already is never overwritten without asking.

  --yes        ask nothing: every host found, and no server of the same name replaced
  --remove     take out again what init added
  --user       the user's own configuration of the hosts instead of the project's
  --separate   five servers instead of one gateway
  --dry-run    say what would be done, and do nothing
  --home DIR   state folder`;

/** `slipway init`. */
export const initCommand: Command = (argv, io) => init(argv, io, openControllingTerminal);

/** As `initCommand`, at a terminal that is given. */
export async function init(argv: readonly string[], io: Io, openTerminal: OpenTerminal): Promise<number> {
  const flags = parseFlags(
    argv,
    {
      yes: { type: "boolean", short: "y" },
      remove: { type: "boolean" },
      user: { type: "boolean" },
      separate: { type: "boolean" },
      "dry-run": { type: "boolean" },
      home: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    0,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const place = placeOf(io);
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  if (flags.has("remove")) return remove(flags, io, place, home);
  const terminal = flags.has("yes") || flags.has("dry-run") ? null : askingTerminal(io, openTerminal);
  try {
    return await add(flags, io, place, home, terminal);
  } finally {
    terminal?.close();
  }
}

function askingTerminal(io: Io, openTerminal: OpenTerminal): Terminal {
  try {
    return openTerminal(io);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new DomainError("invalid", "init asks before it changes anything, and nobody can answer here", {
      hint: "add --yes to go on without questions, or --dry-run to see what would be done",
      cause: error,
    });
  }
}

async function add(
  flags: Flags,
  io: Io,
  place: Place,
  home: string,
  terminal: Terminal | null,
): Promise<number> {
  const isTry = flags.has("dry-run");
  const agrees = async (question: string): Promise<boolean> => {
    if (terminal === null) return true;
    const typed = await terminal.ask(`${question} [Y/n] `, io.signal);
    return typed !== null && /^(|y|yes)$/i.test(typed.trim());
  };
  const settings = join(place.project, "slipway.yaml");
  if (existsSync(settings)) io.err(`${settings} is there already and was left as it is`);
  else if (await agrees(`write ${settings}?`)) {
    if (!isTry) writeSettings(settings);
    io.err(`${settings} ${isTry ? "would be " : ""}written`);
  }
  const found = HOSTS.filter((host) => isHere(host, place));
  if (found.length === 0)
    io.err(
      `no MCP host was found here; any of them can be added: slipway mcp add <host> (${HOSTS.map(({ id }) => id).join(", ")})`,
    );
  const scope: Scope = flags.has("user") ? "user" : "project";
  let isWhole = true;
  for (const host of found) {
    if (io.signal.aborted) return EXIT.interrupted;
    const file = fileOf(host, scope, place);
    const launches = launchesFor(host, place, home, flags.has("separate"));
    isWhole =
      (await apart(io, async () => {
        const planned = planAdd(host, file, launches, false);
        if (planned.added.length > 0 && !(await agrees(`add Slipway to ${host.title} (${file})?`))) return;
        carryOut(await replacing(planned, launches, terminal, agrees), home, io, isTry);
      })) && isWhole;
  }
  if (!isTry) io.err("`slipway doctor` says what is missing on this machine");
  return isWhole ? EXIT.done : EXIT.failed;
}

/** Asks whether to replace what stands under our name; without a person nothing is replaced. */
async function replacing(
  planned: Change,
  launches: ReturnType<typeof launchesFor>,
  terminal: Terminal | null,
  agrees: (question: string) => Promise<boolean>,
): Promise<Change> {
  const { host, file, other } = planned;
  if (terminal === null || other.length === 0) return planned;
  const question = `${file} has ${other.join(", ")} set up otherwise; replace it?`;
  return (await agrees(question)) ? planAdd(host, file, launches, true) : planned;
}

function remove(flags: Flags, io: Io, place: Place, home: string): number {
  const isTry = flags.has("dry-run");
  let isWhole = true;
  for (const host of HOSTS) {
    const files = new Set([fileOf(host, "project", place), fileOf(host, "user", place)]);
    for (const file of files) {
      try {
        const planned = planRemove(host, file);
        if (planned.removed.length > 0) carryOut(planned, home, io, isTry);
      } catch (error) {
        isWhole = told(error, io) && isWhole;
      }
    }
  }
  const settings = join(place.project, "slipway.yaml");
  if (existsSync(settings)) {
    const isOurs = readFileSync(settings, "utf8") === SETTINGS_TEXT;
    if (isOurs && !isTry) rmSync(settings);
    io.err(
      isOurs
        ? `${settings} ${isTry ? "would be " : ""}removed`
        : `${settings} holds settings of yours and was left as it is`,
    );
  }
  io.err(`the state folder stays: ${home}`);
  return isWhole ? EXIT.done : EXIT.failed;
}

/** Does the work of one host; what stands in its way is told, and the other hosts go on. */
async function apart(io: Io, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    return told(error, io);
  }
}

function told(error: unknown, io: Io): false {
  if (!(error instanceof DomainError)) throw error;
  io.err(`slipway: ${error.message}${error.hint === undefined ? "" : ` (${error.hint})`}`);
  return false;
}

function writeSettings(file: string): void {
  try {
    writeFileSync(file, SETTINGS_TEXT, { flag: "wx" });
  } catch (error) {
    throw new DomainError("unavailable", `${file} cannot be written`, {
      hint: "make the project folder writable",
      retryable: false,
      cause: error,
    });
  }
}
