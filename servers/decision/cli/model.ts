import { systemClock, toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command, type Io } from "../../../kernel/io.ts";
import { openControllingTerminal, type OpenTerminal, type Terminal } from "../../../kernel/terminal.ts";
import { oneLine } from "../../../kernel/text.ts";
import { MODEL } from "../domain/formula.ts";
import type { DecisionStore, DecisionTx } from "../store/decision-store.ts";
import type { Hold, InForce, ModelVersion } from "../store/models.ts";
import { exitFor, withStore } from "./opened.ts";
import { openOrNote } from "./terminal.ts";

const USAGE = `usage: slipway decision model [--json] [--home DIR]
       slipway decision model freeze [VERSION] | rollback [VERSION] | release [--home DIR]

Shows which risk model is in force and the versions that are kept. The others are taken at a terminal only:
  freeze     the model stays as it is, or goes to VERSION and stays there
  rollback   back to the version before the one in force, or to VERSION; "${MODEL.name}" is the fixed formula
  release    the model goes on learning`;

const VERBS = ["freeze", "rollback", "release"] as const;
type Verb = (typeof VERBS)[number];

interface Models {
  readonly inForce: InForce | null;
  readonly held: Hold | null;
  readonly versions: readonly ModelVersion[];
}

/** Shows the versions of the risk model, freezes it, takes it back and lets it go on. */
export const model: Command = modelCommand(openControllingTerminal);

/** A program that could change the model would lower its own risk: `openTerminal` decides who counts as a person. */
export function modelCommand(openTerminal: OpenTerminal): Command {
  return async (argv, io) => {
    try {
      const flags = parseFlags(
        argv,
        { home: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
        2,
      );
      if (flags.has("help")) {
        io.out(USAGE);
        return EXIT.done;
      }
      const home = flags.text("home");
      const [word, version] = flags.words;
      if (word === undefined) {
        show(await withStore(home, io, (store) => store.read(modelsOf)), flags.has("json"), io);
        return EXIT.done;
      }
      const verb = VERBS.find((name) => name === word);
      if (verb === undefined || (verb === "release" && version !== undefined))
        throw new DomainError("invalid", `unexpected argument "${oneLine(version ?? word, 40)}"`, {
          hint: "see --help",
        });
      const attempt = { what: `model ${verb}`, subject: "model", isThere: async () => true };
      const terminal = await openOrNote(openTerminal, home, io, attempt);
      try {
        const code = await withStore(home, io, (store) => converse(store, terminal, io, verb, version));
        if (code === undefined)
          throw new DomainError("not_found", "there is no decision store here", {
            hint: "name the state folder with --home DIR",
          });
        return code;
      } finally {
        terminal.close();
      }
    } catch (error) {
      return exitFor(error, io);
    }
  };
}

async function modelsOf(tx: DecisionTx): Promise<Models> {
  return { inForce: await tx.inForce(), held: await tx.held(), versions: await tx.versions() };
}

async function converse(
  store: DecisionStore,
  terminal: Terminal,
  io: Io,
  verb: Verb,
  named: string | undefined,
): Promise<number> {
  const seen = await store.read(modelsOf);
  const target = targetOf(seen, verb, named);
  for (const line of inWords(seen)) terminal.say(line);
  const typed = await terminal.ask(`type "${verb}" to ${sentence(verb, target)}: `, io.signal);
  if (io.signal.aborted) return EXIT.interrupted;
  if (typed?.trim().toLowerCase() !== verb) {
    io.err("left as it was");
    return EXIT.failed;
  }
  const by = `user:${terminal.user}`;
  await store.write({ principal: { id: by }, once: undefined }, async (tx) => {
    // Another person may have been quicker, and a version may be gone.
    if (targetOf(await modelsOf(tx), verb, named) !== target)
      throw new DomainError("conflict", "the model has changed meanwhile: nothing was done", {
        hint: "run the command again",
      });
    if (target !== null && target !== MODEL.name && (await tx.lessonsOf(target)) === null)
      throw new DomainError("invalid_state", `${target} does not match its checksum`, {
        hint: `take another version, or ${MODEL.name}`,
      });
    await tx.hold(target, by, systemClock());
  });
  io.err(`done by ${by}: ${target === null ? "the model goes on learning" : `held to ${target}`}`);
  return EXIT.done;
}

function sentence(verb: Verb, target: string | null): string {
  if (target === null) return "let the model go on learning";
  return `${verb === "freeze" ? "hold the model to" : "take the model back to"} ${target}`;
}

/** The version to hold to; null to let go. @throws {DomainError} not_found, invalid_state */
function targetOf({ inForce, held, versions }: Models, verb: Verb, named: string | undefined): string | null {
  if (verb === "release") {
    if (held === null)
      throw new DomainError("invalid_state", "the model is not held", { hint: "nothing was changed" });
    return null;
  }
  const current = held?.version ?? (inForce === null ? MODEL.name : idOf(inForce));
  if (named !== undefined) {
    if (named !== MODEL.name && !versions.some(({ version }) => version === named))
      throw new DomainError("not_found", `there is no version ${oneLine(named, 60)}`, {
        hint: "`slipway decision model` lists them",
      });
    return named;
  }
  if (verb === "freeze") return current;
  if (current === MODEL.name)
    throw new DomainError("invalid_state", "the fixed formula is in force: there is nothing before it", {
      hint: "nothing was changed",
    });
  const place = versions.findIndex(({ version }) => version === current);
  return versions[place + 1]?.version ?? MODEL.name;
}

/** The formula has one version; it is called by its name. */
function idOf({ name, version }: InForce): string {
  return name === MODEL.name ? MODEL.name : version;
}

function show(found: Models | undefined, isJson: boolean, io: Io): void {
  const models = found ?? { inForce: null, held: null, versions: [] };
  if (!isJson) {
    for (const line of inWords(models)) io.out(line);
    return;
  }
  const { inForce, held, versions } = models;
  io.out(
    JSON.stringify({
      in_force: inForce === null ? MODEL.name : idOf(inForce),
      held: held === null ? null : { version: held.version, by: held.by, at: toIso(held.at) },
      versions: versions.map(({ at, ...each }) => ({ ...each, at: toIso(at) })),
    }),
  );
}

function inWords({ inForce, held, versions }: Models): readonly string[] {
  return [
    `in force: ${inForce === null ? MODEL.name : idOf(inForce)}`,
    held === null
      ? "it goes on learning"
      : `held to ${held.version} by ${oneLine(held.by, 60)} since ${toIso(held.at)}; from the next assessment on`,
    ...versions.map(
      ({ version, name, trained_on, at }) =>
        `  ${version}  ${name}  since ${toIso(at)}  on ${oneLine(trained_on, 160)}`,
    ),
  ];
}
