import { DomainError } from "../../../kernel/errors.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import type { DecisionStore } from "../store/decision-store.ts";

/** Refusals that tell of somebody who tried what they may not. */
const TRIED = ["denied", "conflict", "invalid_state"];

/** Does `work`; where it is refused to whoever asks, the refusal is on record before they hear of it. */
export async function auditingRefusals<T>(
  store: DecisionStore,
  call: Call,
  attempt: { readonly what: string; readonly subject: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DomainError && TRIED.includes(error.code)) {
      const { code, message } = error;
      await store.write({ principal: call.principal, once: undefined }, (tx) =>
        tx.noteRefusal({ ...attempt, code, reason: message }),
      );
    }
    throw error;
  }
}
