import { systemClock, toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command, type Io } from "../../../kernel/io.ts";
import { openControllingTerminal, type OpenTerminal, type Terminal } from "../../../kernel/terminal.ts";
import {
  answered,
  atTime,
  isOwnRequest,
  startsDigest,
  TYPED_CHARACTERS,
  type Approval,
  type ApprovalAnswer,
} from "../domain/approval.ts";
import type { DecisionStore, DecisionTx } from "../store/decision-store.ts";
import { exitFor, withStore } from "./opened.ts";
import { openOrNote } from "./terminal.ts";
import { describeRequest } from "./words.ts";

/** Approves a pending approval, at the controlling terminal only. */
export const approve: Command = answerCommand("approved", openControllingTerminal);

/** Denies a pending approval, under the same rule: a refusal also binds. */
export const deny: Command = answerCommand("denied", openControllingTerminal);

/** Makes the command for one answer; `openTerminal` is what decides who counts as a person. */
export function answerCommand(answer: ApprovalAnswer, openTerminal: OpenTerminal): Command {
  return async (argv, io) => {
    try {
      const flags = parseFlags(argv, { home: { type: "string" }, help: { type: "boolean", short: "h" } }, 1);
      if (flags.has("help")) {
        io.out(
          `usage: slipway ${verb(answer)} <approval id> [--home DIR]   shows what is asked, then takes your answer at the terminal`,
        );
        return EXIT.done;
      }
      const [id] = flags.words;
      if (id === undefined)
        throw new DomainError("invalid", `slipway ${verb(answer)} needs an approval id`, {
          hint: "`slipway approvals` lists them",
        });
      const terminal = await openOrNote(openTerminal, flags.text("home"), io, {
        what: verb(answer),
        subject: id,
        isThere: async (tx) => (await tx.findApproval(id)) !== undefined,
      });
      try {
        const code = await withStore(flags.text("home"), io, (store) =>
          converse(store, terminal, io, id, answer),
        );
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

function verb(answer: ApprovalAnswer): string {
  return answer === "approved" ? "approve" : "deny";
}

async function converse(
  store: DecisionStore,
  terminal: Terminal,
  io: Io,
  id: string,
  answer: ApprovalAnswer,
): Promise<number> {
  const request = await store.read(async (tx) => {
    const approval = await mustBeOpen(tx, id, systemClock());
    const decision = await tx.findDecision(approval.decisionId);
    if (decision === undefined) throw new Error(`approval ${id} has no decision`);
    return { approval, decision, assessment: await tx.findAssessment(decision.assessmentId) };
  });
  for (const line of describeRequest(request.approval, request.decision, request.assessment))
    terminal.say(line);
  const typed = await terminal.ask(
    `type the first ${TYPED_CHARACTERS} characters of the digest for "${answer}", anything else to leave: `,
    io.signal,
  );
  if (io.signal.aborted) return EXIT.interrupted;
  const by = `user:${terminal.user}`;
  const stored = await store.write({ principal: { id: by }, once: undefined }, async (tx) => {
    const now = systemClock();
    const approval = await mustBeOpen(tx, id, now);
    const refusal = refusalOf(approval, by, typed);
    if (refusal !== null) {
      // Kept, so that it is on record whatever becomes of this program.
      await tx.noteRefusal({ what: verb(answer), subject: id, code: refusal.code, reason: refusal.message });
      return refusal;
    }
    const done = answered(approval, answer, by, "terminal", now);
    await tx.saveApproval(done);
    return done;
  });
  if (stored instanceof DomainError) throw stored;
  io.err(`${stored.id} ${answer} by ${by}; the answer holds until ${toIso(stored.expiresAt)}`);
  return EXIT.done;
}

function refusalOf(approval: Approval, by: string, typed: string | null): DomainError | null {
  if (isOwnRequest(approval, by))
    return new DomainError("denied", "this is your own request: somebody else has to answer it", {
      hint: "let another person run the command",
    });
  if (startsDigest(approval, typed?.trim().toLowerCase() ?? "")) return null;
  return new DomainError("conflict", "that is not the start of the digest: nothing was changed", {
    hint: "run the command again",
  });
}

/** @throws {DomainError} not_found, invalid_state */
async function mustBeOpen(tx: DecisionTx, id: string, now: number): Promise<Approval> {
  const approval = await tx.findApproval(id);
  if (approval === undefined) throw notFound(id);
  const current = atTime(approval, now);
  if (current.status === "expired") {
    throw new DomainError("invalid_state", `${id} expired at ${toIso(approval.expiresAt)}`, {
      hint: "let the work ask again; nothing was changed",
    });
  }
  if (current.status !== "pending") {
    throw new DomainError(
      "invalid_state",
      `${id} was already ${current.status} by ${current.answeredBy ?? "somebody"}`,
      { hint: "nothing was changed" },
    );
  }
  return current;
}

function notFound(id: string): DomainError {
  return new DomainError("not_found", `there is no approval ${id.slice(0, 60).replace(/[^\w-]/g, "?")}`, {
    hint: "`slipway approvals` lists what waits; --home DIR names another state folder",
  });
}
