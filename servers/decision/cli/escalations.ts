import { systemClock, toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command, type Io } from "../../../kernel/io.ts";
import { openControllingTerminal, type OpenTerminal, type Terminal } from "../../../kernel/terminal.ts";
import { oneLine } from "../../../kernel/text.ts";
import { acknowledged, escalationAt, type Escalation } from "../domain/escalation.ts";
import type { DecisionStore } from "../store/decision-store.ts";
import { exitFor, withStore } from "./opened.ts";

const MOST = 200;

/** Lists the escalations that nobody has seen yet; with `--json` one object per line. */
export const escalations: Command = async (argv, io) => {
  try {
    const flags = parseFlags(
      argv,
      { home: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
      0,
    );
    if (flags.has("help")) {
      io.out(
        "usage: slipway escalations [--json] [--home DIR]   lists what calls for a person, most urgent first",
      );
      return EXIT.done;
    }
    const now = systemClock();
    const open =
      (await withStore(flags.text("home"), io, (store) =>
        store.read((tx) => tx.escalations("open", MOST)),
      )) ?? [];
    const current = open.map((one) => escalationAt(one, now));
    for (const one of current) io.out(flags.has("json") ? JSON.stringify(asJson(one)) : inWords(one));
    if (current.length === 0 && !flags.has("json")) io.err("nothing calls for a person");
    return EXIT.done;
  } catch (error) {
    return exitFor(error, io);
  }
};

/** Marks an escalation as seen, at the controlling terminal only: a program that could would silence its own alarms. */
export const acknowledge: Command = acknowledgeCommand(openControllingTerminal);

export function acknowledgeCommand(openTerminal: OpenTerminal): Command {
  return async (argv, io) => {
    try {
      const flags = parseFlags(argv, { home: { type: "string" }, help: { type: "boolean", short: "h" } }, 1);
      if (flags.has("help")) {
        io.out(
          "usage: slipway acknowledge <escalation id> [--home DIR]   shows it, and marks it as seen by you, at the terminal",
        );
        return EXIT.done;
      }
      const [id] = flags.words;
      if (id === undefined)
        throw new DomainError("invalid", "slipway acknowledge needs an escalation id", {
          hint: "`slipway escalations` lists them",
        });
      const terminal = openTerminal(io);
      try {
        const code = await withStore(flags.text("home"), io, (store) => converse(store, terminal, io, id));
        if (code === undefined) throw notFound(id);
        return code;
      } finally {
        terminal.close();
      }
    } catch (error) {
      return exitFor(error, io);
    }
  };
}

async function converse(store: DecisionStore, terminal: Terminal, io: Io, id: string): Promise<number> {
  const found = await store.read((tx) => tx.findEscalation(id));
  if (found === undefined) throw notFound(id);
  terminal.say(inWords(escalationAt(found, systemClock())));
  const typed = await terminal.ask('type "seen" to acknowledge it, anything else to leave: ', io.signal);
  if (io.signal.aborted) return EXIT.interrupted;
  if (typed?.trim().toLowerCase() !== "seen") {
    io.err("left as it was");
    return EXIT.failed;
  }
  const by = `user:${terminal.user}`;
  await store.write({ principal: { id: by }, once: undefined }, async (tx) => {
    const now = systemClock();
    const current = await tx.findEscalation(id);
    if (current === undefined) throw notFound(id);
    if (current.state === "acknowledged")
      throw new DomainError(
        "invalid_state",
        `${current.id} was already seen by ${current.acknowledgedBy ?? "somebody"}`,
        {
          hint: "nothing was changed",
        },
      );
    await tx.saveEscalation(acknowledged(escalationAt(current, now), by, "terminal", now));
  });
  io.err(`${found.id} acknowledged by ${by}`);
  return EXIT.done;
}

function notFound(id: string): DomainError {
  return new DomainError("not_found", `there is no escalation ${id.slice(0, 60).replace(/[^\w-]/g, "?")}`, {
    hint: "`slipway escalations` lists what waits; --home DIR names another state folder",
  });
}

function inWords(one: Escalation): string {
  const late = one.missed === 0 ? "" : `, ${one.missed} deadlines missed`;
  return `${one.id}  ${one.tier}  ${oneLine(one.reason, 120)}  (${oneLine(one.subject, 80)})  by ${toIso(one.deadline)}${late}`;
}

function asJson(one: Escalation): Record<string, unknown> {
  return {
    escalation_id: one.id,
    tier: one.tier,
    state: one.state,
    reason: one.reason,
    rule: one.rule,
    subject: one.subject,
    deadline: toIso(one.deadline),
    raised_at: toIso(one.raisedAt),
    times: one.times,
    missed: one.missed,
    decision_id: one.decisionId,
  };
}
