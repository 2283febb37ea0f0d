import { realpathSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command } from "../../../kernel/io.ts";
import { readPastChanges } from "../adapters/past-changes.ts";
import type { Automation } from "../domain/learning/automation.ts";
import { type BacktestReport, reportOf, type Scores } from "../domain/learning/backtest-report.ts";
import { fitTrees } from "../domain/learning/boosted-trees.ts";
import { type Replayed, replay } from "../domain/learning/replay.ts";
import { exitFor } from "./opened.ts";

const USAGE = `usage: slipway decision backtest --csv FILE [--label-delay-days N] [--predictions OUT.csv] [--json]

Replays labelled changes in order of time: each is predicted before it is learned, and a label is learned only N days
(90) after its change. Scores the last half against the fixed formula, lines added and the base rate, and
says what a risk budget would have let go on alone. Columns by name:
date (unix seconds), bug (0 or 1) and the change metrics there are; --predictions writes row,p for every row.`;
const STEP = 5_000;

/** What the replay took, in time of the processor. */
interface Cost {
  readonly forests: number;
  readonly forestMs: number;
  /** Reading features, predicting and learning, without the forests. */
  readonly usPerChange: number;
}

/** Measures the learned model on a history of labelled changes. Nothing is stored. */
export const backtest: Command = async (argv, io) => {
  try {
    const flags = parseFlags(
      argv,
      {
        csv: { type: "string" },
        "label-delay-days": { type: "string" },
        predictions: { type: "string" },
        json: { type: "boolean" },
        home: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
      0,
    );
    if (flags.has("help")) {
      io.out(USAGE);
      return EXIT.done;
    }
    const csv = flags.text("csv");
    if (csv === undefined) throw new DomainError("invalid", "which changes?", { hint: "--csv FILE" });
    const delayDays = flags.number("label-delay-days", 0, 36_500) ?? 90;
    const input = resolve(io.cwd, csv);
    const named = flags.text("predictions");
    const output = named === undefined ? undefined : resolve(io.cwd, named);
    if (output !== undefined && isSame(input, output))
      throw new DomainError("invalid", "--predictions would overwrite the changes", {
        hint: "name another file",
      });

    const { changes, missing, unusable } = readPastChanges(input);
    if (missing.length > 0) io.err(`unknown, there is no column: ${missing.join(", ")}`);
    if (unusable > 0) io.err(`unknown, because negative or not a finite number: ${unusable} values`);

    const started = cpuMs();
    let forests = 0;
    let forestMs = 0;
    const timed: typeof fitTrees = (examples, random) => {
      const start = cpuMs();
      const forest = fitTrees(examples, random);
      forests += 1;
      forestMs += cpuMs() - start;
      return forest;
    };
    const replayed: Replayed[] = [];
    for (const item of replay(changes, delayDays, timed)) {
      replayed.push(item);
      if (replayed.length % STEP !== 0) continue;
      io.err(`${replayed.length} of ${changes.length} changes`);
      await setImmediate();
      if (io.signal.aborted) return EXIT.interrupted;
    }
    const allMs = cpuMs() - started;
    const cost = { forests, forestMs, usPerChange: ((allMs - forestMs) * 1_000) / changes.length };

    if (output !== undefined) writePredictions(output, replayed);
    const report = reportOf(replayed, delayDays);
    io.out(
      flags.has("json") ? JSON.stringify(asJson(report, cost, delayDays)) : inWords(report, cost, delayDays),
    );
    return EXIT.done;
  } catch (error) {
    return exitFor(error, io);
  }
};

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function isSame(input: string, output: string): boolean {
  try {
    return realpathSync(input) === realpathSync(output);
  } catch {
    // One of them is not there yet.
    return input === output;
  }
}

function writePredictions(path: string, replayed: readonly Replayed[]): void {
  const lines = replayed
    .toSorted((a, b) => a.change.row - b.change.row)
    .map(({ change, prediction }) => `${change.row},${Number(prediction.p.toPrecision(12))}`);
  try {
    writeFileSync(path, `row,p\n${lines.join("\n")}\n`);
  } catch (cause) {
    throw new DomainError("unavailable", `${path} can't be written`, {
      hint: "name a file in a folder that is there",
      cause,
    });
  }
}

const NAMES: Readonly<Record<keyof BacktestReport["models"], string>> = {
  model: "model",
  logistic: "  its regression",
  trees: "  its trees",
  formula: "fixed formula",
  lines_added: "lines added",
  base_rate: "base rate",
};

function inWords(report: BacktestReport, cost: Cost, delayDays: number): string {
  const rate = ((100 * report.defects) / report.scored).toFixed(1);
  const row = (name: string, { auc, brier, ece, logLoss }: Scores): string =>
    `${name.padEnd(18)}${[auc, brier, ece, logLoss].map((value) => (value?.toFixed(3) ?? "-").padStart(9)).join("")}`;
  return [
    `${report.rows} changes, labels ${delayDays} days late; scored: the last ${report.scored} by time, ${rate} % defective`,
    "",
    `${"".padEnd(18)}${["AUC", "Brier", "ECE", "log-loss"].map((name) => name.padStart(9)).join("")}`,
    row(NAMES.model, report.models.model),
    row(NAMES.logistic, report.models.logistic),
    row(NAMES.trees, report.models.trees),
    row(NAMES.formula, report.models.formula),
    row(NAMES.lines_added, report.models.lines_added),
    row(NAMES.base_rate, report.models.base_rate),
    "",
    inBudget("half", report.automation.half),
    inBudget("three quarters", report.automation.three_quarters),
    "",
    `predict and learn ${cost.usPerChange.toFixed(0)} us per change; ${cost.forests} forests in ${cost.forestMs.toFixed(0)} ms (processor time)`,
  ].join("\n");
}

function inBudget(fraction: string, { budget, share, realised }: Automation): string {
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const did =
    realised === null
      ? "the past never shows enough: nothing goes on alone"
      : `${percent(share)} of the changes go on alone, ${percent(realised)} of them defective`;
  return `budget of ${fraction} the known defect rate, ${percent(budget)} on average: ${did}`;
}

function asJson(report: BacktestReport, cost: Cost, delayDays: number): Record<string, unknown> {
  const models = Object.entries(report.models).map(([name, { auc, brier, ece, logLoss }]) => [
    name,
    { auc, brier, ece, log_loss: logLoss },
  ]);
  return {
    rows: report.rows,
    label_delay_days: delayDays,
    scored: report.scored,
    scored_defects: report.defects,
    scored_with_trees: report.withTrees,
    models: Object.fromEntries(models),
    automation: report.automation,
    forests: cost.forests,
    forest_ms: cost.forestMs,
    predict_learn_us: cost.usPerChange,
  };
}
