import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { toIso, type Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { prepareFolder } from "../sqlite/open.ts";
import type { Scope } from "./tokens.ts";

/** A call that needs more than `work`, or that its token did not cover. */
export interface PrivilegedCall {
  readonly principal: string;
  readonly tool: string;
  readonly needs: Scope;
  readonly has: Scope;
  readonly outcome: "allowed" | "denied";
}

/** Keeps what privileged calls were made, before they take effect. */
export type Audit = (call: PrivilegedCall) => void;

export function auditPath(home: string): string {
  return join(home, "http-audit.jsonl");
}

/**
 * Appends one line of JSON per privileged call to a file that only its user can read.
 *
 * @throws {DomainError} unavailable where it cannot be written: then the call is not made either.
 */
export function auditTo(home: string, clock: Clock, log: Log): Audit {
  return (call) => {
    prepareFolder(home);
    appendFileSync(auditPath(home), `${JSON.stringify({ at: toIso(clock()), ...call })}\n`, { mode: 0o600 });
    if (call.outcome === "denied") log("warn", "a call was denied", { ...call });
  };
}
