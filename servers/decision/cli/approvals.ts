import { systemClock, toIso } from "../../../kernel/clock.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command } from "../../../kernel/io.ts";
import { oneLine } from "../../../kernel/text.ts";
import { atTime, type Approval } from "../domain/approval.ts";
import { exitFor, withStore } from "./opened.ts";

const USAGE = "usage: slipway approvals [--json] [--home DIR]   lists what waits for a person";
const MOST = 200;

/** Lists the approvals that wait for a person; with `--json` one object per line. */
export const approvals: Command = async (argv, io) => {
  try {
    const flags = parseFlags(
      argv,
      { home: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
      0,
    );
    if (flags.has("help")) {
      io.out(USAGE);
      return EXIT.done;
    }
    const now = systemClock();
    const found =
      (await withStore(flags.text("home"), io, (store) => store.read((tx) => tx.pendingApprovals(MOST)))) ??
      [];
    const pending = found.filter((approval) => atTime(approval, now).status === "pending");
    for (const approval of pending)
      io.out(flags.has("json") ? JSON.stringify(asJson(approval)) : inWords(approval));
    if (pending.length === 0 && !flags.has("json")) io.err("nothing waits for approval");
    return EXIT.done;
  } catch (error) {
    return exitFor(error, io);
  }
};

function inWords(approval: Approval): string {
  return `${approval.id}  ${approval.action}  ${oneLine(approval.subject, 100)}  asked ${toIso(approval.requestedAt)}, open until ${toIso(approval.expiresAt)}`;
}

function asJson(approval: Approval): Record<string, unknown> {
  return {
    approval_id: approval.id,
    action: approval.action,
    subject: approval.subject,
    digest: approval.digest,
    decision_id: approval.decisionId,
    requested_by: approval.requestedBy,
    requested_at: toIso(approval.requestedAt),
    expires_at: toIso(approval.expiresAt),
  };
}
