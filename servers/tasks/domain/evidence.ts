import { schemaMismatches } from "./output-schema.ts";
import { commandOf, type Acceptance } from "./task.ts";

/** What a checked receipt says about one command that ran in a sandbox. */
export interface CheckedReceipt {
  /** Whether it is about exactly this command. */
  readonly isFor: (command: string) => boolean;
  /** Digest of the files that the command ran over. */
  readonly tree: string;
  readonly outcome: string;
  readonly exitCode: number | null;
}

/** What a holder hands in. */
export interface Submission {
  /** A receipt that cannot be verified is null: it proves nothing, and is itself a reason to refuse. */
  readonly receipts: readonly (CheckedReceipt | null)[];
  /** The digest of the tree that was worked out, or null where the holder named none: then any tree's receipts count. */
  readonly tree: string | null;
  readonly output: unknown;
  readonly artifacts: readonly string[];
}

/** How a submission stands against the acceptance of its task. */
export type EvidenceVerdict =
  | { readonly kind: "no_acceptance" }
  /** Nothing speaks against it, but not all could be checked. */
  | { readonly kind: "needs_review" }
  | { readonly kind: "met" }
  | { readonly kind: "unmet"; readonly unmet: readonly string[] };

/**
 * Holds a submission against acceptance. Every command must have a genuine receipt of a run over the named tree that exited
 * 0, where any receipt is given; the output must have its form, and each artifact be named. The rest is for a reviewer.
 */
export function weighEvidence(
  acceptance: readonly Acceptance[],
  { receipts, tree, output, artifacts }: Submission,
): EvidenceVerdict {
  if (acceptance.length === 0) return { kind: "no_acceptance" };
  let isOpen = false;
  const unmet = acceptance.flatMap((item) => {
    if ("output_schema" in item) return schemaMismatches(item.output_schema, output);
    if ("artifacts" in item)
      return item.artifacts
        .filter((wanted) => !isAmong(wanted, artifacts))
        .map((name) => `no artifact ${name}`);
    const command = commandOf(item);
    if (command === null || receipts.length === 0) {
      isOpen = true;
      return [];
    }
    return runProblem(command, receipts, tree);
  });
  const forged = receipts.filter((receipt) => receipt === null).length;
  if (forged > 0) unmet.push(`${forged} of the receipts cannot be verified`);
  if (unmet.length > 0) return { kind: "unmet", unmet };
  return { kind: isOpen ? "needs_review" : "met" };
}

function runProblem(
  command: string,
  receipts: Submission["receipts"],
  tree: string | null,
): readonly string[] {
  const all = receipts.filter((receipt) => receipt?.isFor(command) === true);
  const runs = all.filter((receipt) => tree === null || receipt?.tree === tree);
  if (runs.length === 0 && all.length > 0) return [`${command}: the receipt is of another tree`];
  if (runs.some((run) => run?.outcome === "exited" && run.exitCode === 0)) return [];
  const last = runs.at(-1);
  return [
    last == null
      ? `no receipt for: ${command}`
      : `${command}: ${last.outcome}${last.exitCode === null ? "" : ` ${last.exitCode}`}`,
  ];
}

/** By its whole name, or as the last part of a path or address. */
function isAmong(wanted: string, artifacts: readonly string[]): boolean {
  return artifacts.some((artifact) => artifact === wanted || artifact.endsWith(`/${wanted}`));
}
