/** One variant of one instance, as the table and its JSON show it. */
export interface Line {
  readonly instance: string;
  readonly letter: string;
  readonly variant: string;
  /** accept, reject, flag or keep_whole. */
  readonly must: string;
  readonly outcome: string;
  readonly ok: boolean;
  readonly flagged: readonly string[];
  /** The gates that said no. */
  readonly gates: readonly string[];
  readonly reasons: readonly string[];
  readonly duration_ms: number;
  readonly tests_ms: number;
}

export interface ReplaySummary {
  readonly instances: number;
  readonly played: number;
  readonly right: number;
  readonly wrong: number;
  readonly not_applicable: number;
  readonly by_variant: Readonly<
    Record<
      string,
      { accepted: number; rejected: number; flagged: number; not_applicable: number; other: number }
    >
  >;
  readonly duration_ms: number;
}

/** Adds the lines up, per variant, for people and for programs. */
export function replayTable(lines: readonly Line[]): {
  readonly text: string;
  readonly summary: ReplaySummary;
} {
  const byVariant: Record<string, ReplaySummary["by_variant"][string]> = {};
  for (const { letter, variant, outcome, flagged } of lines) {
    const row = (byVariant[`${letter} ${variant}`] ??= {
      accepted: 0,
      rejected: 0,
      flagged: 0,
      not_applicable: 0,
      other: 0,
    });
    if (outcome.startsWith("accepted")) row.accepted += 1;
    else if (outcome.startsWith("rejected")) row.rejected += 1;
    else if (outcome === "not_applicable") row.not_applicable += 1;
    else row.other += 1;
    if (flagged.length > 0) row.flagged += 1;
  }
  const absent = lines.filter(({ outcome }) => outcome === "not_applicable").length;
  const right = lines.filter(({ ok }) => ok).length - absent;
  const summary: ReplaySummary = {
    instances: new Set(lines.map(({ instance }) => instance)).size,
    played: lines.length - absent,
    right,
    wrong: lines.filter(({ ok }) => !ok).length,
    not_applicable: absent,
    by_variant: byVariant,
    duration_ms: lines.reduce((sum, line) => sum + line.duration_ms, 0),
  };
  return { text: textOf(lines, summary), summary };
}

function textOf(lines: readonly Line[], summary: ReplaySummary): string {
  const rows = Object.entries(summary.by_variant).map(([name, row]) => [
    name,
    ...[row.accepted, row.rejected, row.flagged, row.not_applicable, row.other].map(String),
  ]);
  const head = ["variant", "accepted", "rejected", "flagged", "n/a", "other"];
  const width = Math.max(...[head, ...rows].map(([name = ""]) => name.length));
  const table = [head, ...rows].map(([name = "", ...cells]) =>
    [name.padEnd(width), ...cells.map((cell, at) => cell.padStart(head[at + 1]?.length ?? 0))].join("  "),
  );
  const wrong = lines
    .filter(({ ok }) => !ok)
    .map(
      ({ instance, letter, variant, must, outcome, reasons }) =>
        `✗ ${instance} (${letter}) ${variant}: ${outcome}, must ${must.replace("_", " ")}${reasons.length === 0 ? "" : `\n    ${reasons.join("\n").replaceAll("\n", "\n    ")}`}`,
    );
  return [
    "harness correctness (no model took part)",
    "",
    ...table,
    "",
    ...wrong,
    `${summary.right} of ${summary.played} as they must be, over ${summary.instances} instances, in ${(summary.duration_ms / 1_000).toFixed(1)} s`,
  ].join("\n");
}
