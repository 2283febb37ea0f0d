import { DomainError } from "../../kernel/errors.ts";
import { nearest, parseFlags, type Flags } from "../../kernel/flags.ts";
import { findHome } from "../../kernel/home.ts";
import { EXIT, type Command, type Io } from "../../kernel/io.ts";
import { carryOut } from "./carry-out.ts";
import { editJson } from "./edit-json.ts";
import { editToml } from "./edit-toml.ts";
import { entryOf, fileOf, findHost, HOSTS, isHere, type Host, type Scope } from "./hosts.ts";
import { ownServers, planAdd, planRemove } from "./host-file.ts";
import { launchesFor } from "./launches.ts";
import { placeOf } from "./place.ts";

const IDS = HOSTS.map(({ id }) => id).join(", ");

const HELP = `slipway mcp
slipway mcp print <host>
slipway mcp add <host>… [flags]
slipway mcp remove <host>… [flags]

Without a word: which MCP hosts are here, and where Slipway is in their configuration. print shows what to add by
hand. add and remove change the host's own file and nothing else in it; comments and layout stay, and a copy of the
file before goes into the state folder. Hosts: ${IDS}.

  --user       the user's own configuration instead of the project's, where the host has both
  --separate   five servers instead of one gateway
  --replace    add: also where a server of that name is set up otherwise
  --dry-run    say what would be changed, and change nothing
  --json       the list as one JSON object a line
  --home DIR   state folder`;

/** `slipway mcp`: the configuration of MCP hosts. */
export const mcpCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, {
    user: { type: "boolean" },
    separate: { type: "boolean" },
    replace: { type: "boolean" },
    "dry-run": { type: "boolean" },
    json: { type: "boolean" },
    home: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const [verb, ...names] = flags.words;
  switch (verb) {
    case undefined:
      return list(flags, io);
    case "print":
      return print(hostsNamed(names, 1), flags, io);
    case "add":
    case "remove":
      return change(verb, hostsNamed(names, Number.POSITIVE_INFINITY), flags, io);
    default:
      throw new DomainError("invalid", `slipway mcp does not know "${verb}"`, {
        hint: "print, add or remove",
      });
  }
};

/** @throws {DomainError} invalid for no host, more than `most`, or one that is not known. */
function hostsNamed(names: readonly string[], most: number): readonly Host[] {
  if (names.length === 0) throw new DomainError("invalid", "which host?", { hint: `one of ${IDS}` });
  if (names.length > most)
    throw new DomainError("invalid", `unexpected argument "${names[most] ?? ""}"`, { hint: "see --help" });
  return names.map((name) => {
    const host = findHost(name);
    if (host !== undefined) return host;
    const near = nearest(
      name,
      HOSTS.map(({ id }) => id),
    );
    throw new DomainError("invalid", `there is no host "${name}"`, {
      hint: near === undefined ? `one of ${IDS}` : `did you mean ${near}?`,
    });
  });
}

function list(flags: Flags, io: Io): number {
  const place = placeOf(io);
  for (const host of HOSTS) {
    const files = [...new Set([fileOf(host, "project", place), fileOf(host, "user", place)])];
    const found = files.flatMap((file) => {
      try {
        return ownServers(host, file).length > 0 ? [file] : [];
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        io.err(`slipway: ${error.message}`);
        return [];
      }
    });
    const here = isHere(host, place);
    if (flags.has("json"))
      io.out(JSON.stringify({ host: host.id, title: host.title, here, configured: found }));
    else io.out(`${host.id.padEnd(15)} ${here ? "here    " : "not here"}  ${found.join(", ") || "-"}`);
  }
  return EXIT.done;
}

function print([host]: readonly Host[], flags: Flags, io: Io): number {
  if (host === undefined) return EXIT.usage;
  const place = placeOf(io);
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  io.err(`for ${fileOf(host, scopeOf(flags), place)}:`);
  let text = "";
  for (const [name, launch] of launchesFor(host, place, home, flags.has("separate"))) {
    const entry = entryOf(host, launch);
    text =
      host.format === "toml" ? editToml(text, host.key, name, entry) : editJson(text, host.key, name, entry);
  }
  io.out(text.trimEnd());
  return EXIT.done;
}

function change(verb: "add" | "remove", hosts: readonly Host[], flags: Flags, io: Io): number {
  const place = placeOf(io);
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  const changes = hosts.map((host) => {
    const file = fileOf(host, scopeOf(flags), place);
    return verb === "remove"
      ? planRemove(host, file)
      : planAdd(host, file, launchesFor(host, place, home, flags.has("separate")), flags.has("replace"));
  });
  for (const planned of changes) carryOut(planned, home, io, flags.has("dry-run"));
  return changes.some(({ other }) => other.length > 0) ? EXIT.failed : EXIT.done;
}

function scopeOf(flags: Flags): Scope {
  return flags.has("user") ? "user" : "project";
}
