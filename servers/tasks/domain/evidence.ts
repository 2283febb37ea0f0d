import { commandOf, type Acceptance } from "./task.ts";

/** What a checked receipt says about one command that ran in a sandbox. */
export interface CheckedReceipt {
  /** Whether it is about exactly this command. */
  readonly isFor: (command: string) => boolean;
  readonly outcome: string;
  readonly exitCode: number | null;
}

/** How evidence stands against the acceptance of a task. */
export type EvidenceVerdict =
  | { readonly kind: "no_acceptance" }
  | { readonly kind: "no_evidence" }
  | { readonly kind: "met" }
  | { readonly kind: "unmet"; readonly unmet: readonly string[] };

/**
 * Holds evidence against acceptance. Every command must have a genuine receipt of a run that exited 0; a receipt
 * that cannot be verified (null) proves nothing and is itself a reason to refuse.
 */
export function weighEvidence(
  acceptance: readonly Acceptance[],
  receipts: readonly (CheckedReceipt | null)[],
): EvidenceVerdict {
  if (acceptance.length === 0) return { kind: "no_acceptance" };
  if (receipts.length === 0) return { kind: "no_evidence" };
  const unmet = acceptance.flatMap((item) => {
    const command = commandOf(item);
    const runs = receipts.filter((receipt) => receipt?.isFor(command) === true);
    if (runs.some((run) => run?.outcome === "exited" && run.exitCode === 0)) return [];
    const last = runs.at(-1);
    return [
      last == null
        ? `no receipt for: ${command}`
        : `${command}: ${last.outcome}${last.exitCode === null ? "" : ` ${last.exitCode}`}`,
    ];
  });
  const forged = receipts.filter((receipt) => receipt === null).length;
  if (forged > 0) unmet.push(`${forged} of the receipts cannot be verified`);
  return unmet.length === 0 ? { kind: "met" } : { kind: "unmet", unmet };
}
