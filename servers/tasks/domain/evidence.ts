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
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Whether the command ran at the top of its tree and walled off from the machine: elsewhere it may have seen other files. */
  readonly isPlain: boolean;
}

/** What a holder hands in. */
export interface Submission {
  /** A receipt that cannot be verified is null: it proves nothing, and is itself a reason to refuse. */
  readonly receipts: readonly (CheckedReceipt | null)[];
  /** The digest of the tree that was worked out, or null where the holder named none: then any tree's receipts count. */
  readonly tree: string | null;
  /** When the attempt began, in epoch milliseconds: earlier runs were of other work. Null where that is not known. */
  readonly since: number | null;
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
 * Holds a submission against acceptance. Every command must have a genuine receipt of a run over the named tree, since the
 * attempt began, that exited 0, where any receipt is given; the output must have its form, and each artifact be named. The
 * rest is for a reviewer: a run that was not walled off or elsewhere in its tree, an earlier one over the tree that is
 * named, and whether tests failed before or were left alone.
 */
export function weighEvidence(
  acceptance: readonly Acceptance[],
  { receipts, tree, since, output, artifacts }: Submission,
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
    const verdict = runVerdict(command, receipts, tree, since);
    if (verdict.kind === "unmet") return verdict.unmet;
    if (verdict.kind === "needs_review" || asksMore(item)) isOpen = true;
    return [];
  });
  const forged = receipts.filter((receipt) => receipt === null).length;
  if (forged > 0) unmet.push(`${forged} of the receipts cannot be verified`);
  if (unmet.length > 0) return { kind: "unmet", unmet };
  return { kind: isOpen ? "needs_review" : "met" };
}

/** Whether an item asks for what no receipt tells: that tests failed before the work, or that nobody touched them. */
function asksMore(item: Acceptance): boolean {
  return "tests" in item && (item.must_fail_before === true || (item.protect ?? []).length > 0);
}

function runVerdict(
  command: string,
  receipts: Submission["receipts"],
  tree: string | null,
  since: number | null,
): Exclude<EvidenceVerdict, { readonly kind: "no_acceptance" }> {
  const all = receipts.flatMap((receipt) => (receipt?.isFor(command) === true ? [receipt] : []));
  const ofTree = all.filter((run) => tree === null || run.tree === tree);
  const runs = ofTree.filter(({ startedAt }) => since === null || startedAt >= since);
  const passed = runs.filter(({ outcome, exitCode }) => outcome === "exited" && exitCode === 0);
  if (passed.some(({ isPlain }) => isPlain)) return { kind: "met" };
  if (passed.length > 0) return { kind: "needs_review" };
  const last = runs.at(-1);
  if (last !== undefined) {
    const how = `${last.outcome}${last.exitCode === null ? "" : ` ${last.exitCode}`}`;
    return { kind: "unmet", unmet: [`${command}: ${how}`] };
  }
  // The same files are the same work; that they are the ones handed in, only a reviewer can tell.
  if (tree !== null && ofTree.some(({ outcome, exitCode }) => outcome === "exited" && exitCode === 0))
    return { kind: "needs_review" };
  if (all.length === 0) return { kind: "unmet", unmet: [`no receipt for: ${command}`] };
  const why =
    ofTree.length === 0 ? "the receipt is of another tree" : "the receipt is older than this attempt";
  return { kind: "unmet", unmet: [`${command}: ${why}`] };
}

/** By its whole name, or as the last part of a path or address. */
function isAmong(wanted: string, artifacts: readonly string[]): boolean {
  return artifacts.some((artifact) => artifact === wanted || artifact.endsWith(`/${wanted}`));
}
