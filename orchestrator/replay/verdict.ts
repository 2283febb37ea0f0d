import { VARIANTS, type VariantName } from "./variants.ts";

/** What became of one replayed worker's work. */
export interface Played {
  readonly variant: VariantName;
  /** "merged", "rejected" and so on, as the run reports it; "not_applicable" where the variant could not be made. */
  readonly status: string;
  readonly reasons: readonly string[];
  /** Files outside the declared paths that the gates pointed out. */
  readonly flagged: readonly string[];
  /** The gates of the last attempt that said no. */
  readonly failedGates: readonly string[];
  readonly attempts: number;
  /** Whether what landed meanwhile is still on the target; true where nothing did. */
  readonly keptOthers: boolean;
  readonly durationMs: number;
  /** What of it the acceptance of the last attempt took. */
  readonly testsMs: number;
}

/** Whether the harness did with a worker's work what it must. */
export function isRight({ variant, status, flagged, keptOthers, failedGates }: Played): boolean {
  if (status === "not_applicable") return true;
  switch (VARIANTS[variant].must) {
    case "accept":
      return status === "merged";
    case "reject":
      // A run that broke has judged nothing.
      return status === "rejected" || (status === "failed" && failedGates.length > 0);
    case "flag":
      return flagged.length > 0 && (status === "merged" || status === "rejected");
    case "keep_whole":
      return keptOthers && (status === "merged" || status === "rejected");
  }
}

/** One word for the table. */
export function outcomeOf({ status, flagged, attempts, variant }: Played): string {
  if (status === "merged")
    return flagged.length > 0
      ? "accepted, flagged"
      : variant === "conflict" && attempts > 1
        ? "accepted, rebased"
        : "accepted";
  return status === "rejected" && flagged.length > 0 ? "rejected, flagged" : status;
}
