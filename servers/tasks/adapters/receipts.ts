import { isReceiptFor, receiptKey, verifyReceipt } from "../../../kernel/receipts.ts";
import type { CheckedReceipt } from "../domain/evidence.ts";

/** Reads sandbox receipts with the key of a state folder; whatever is not genuine gives null. */
export function receiptCheck(home: string): (token: string) => CheckedReceipt | null {
  return (token) => {
    const verified = verifyReceipt(token, receiptKey(home));
    if (!verified.ok) return null;
    const { receipt } = verified;
    return {
      isFor: (command) =>
        isReceiptFor(receipt, { script: command }) ||
        (isPlain(command) && isReceiptFor(receipt, { argv: command.split(" ") })),
      tree: receipt.tree_digest,
      outcome: receipt.outcome,
      exitCode: receipt.exit_code,
      startedAt: Date.parse(receipt.started_at),
      isPlain: receipt.isolation !== "none" && receipt.cwd === ".",
    };
  };
}

/** Whether a shell would run exactly these words: nothing in them is quoted, expanded, assigned or joined. */
function isPlain(command: string): boolean {
  return /^[\w@%+:,./-]+(?: [\w@%+=:,./-]+)*$/.test(command);
}
