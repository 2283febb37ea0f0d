import { isReceiptFor, receiptKey, verifyReceipt } from "../../../kernel/receipts.ts";
import type { CheckedReceipt } from "../domain/evidence.ts";

/** Reads sandbox receipts with the key of a state folder; whatever is not genuine gives null. */
export function receiptCheck(home: string): (token: string) => CheckedReceipt | null {
  return (token) => {
    const verified = verifyReceipt(token, receiptKey(home));
    if (!verified.ok) return null;
    const { receipt } = verified;
    return {
      isFor: (command) => isReceiptFor(receipt, { script: command }),
      tree: receipt.tree_digest,
      outcome: receipt.outcome,
      exitCode: receipt.exit_code,
      startedAt: Date.parse(receipt.started_at),
      isPlain: receipt.isolation !== "none" && receipt.cwd === ".",
    };
  };
}
