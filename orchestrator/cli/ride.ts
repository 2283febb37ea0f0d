import { EXIT, type Io } from "../../kernel/io.ts";
import type { RunSettings } from "../config.ts";
import { Interrupted } from "../run/context.ts";
import type { RunStatus } from "../run/conduct.ts";
import type { Journal } from "../run/journal.ts";
import type { RunStore } from "../run/run-store.ts";
import { foldRun } from "../run/state.ts";
import { traceRun } from "../run/trace.ts";
import { rideRun } from "../start.ts";
import { reportText } from "./report-text.ts";
import { showJson, showLines, showLive, type Shown } from "./view.ts";

const EXIT_OF: Readonly<Record<RunStatus, number>> = {
  done: EXIT.done,
  failed: EXIT.failed,
  waiting: EXIT.waiting,
  budget: EXIT.budget,
  rejected: EXIT.rejected,
  cancelled: EXIT.failed,
};

export interface RideOptions {
  readonly home: string;
  readonly settings: RunSettings;
  readonly isJson: boolean;
  readonly verbose: boolean;
  /** Lines for the end of the report. */
  readonly notes: readonly string[];
}

/** Drives a run while showing it, prints its report, and returns the exit code. */
export async function rideAndShow(
  store: RunStore,
  runId: string,
  io: Io,
  { home, settings, isJson, verbose, notes }: RideOptions,
): Promise<number> {
  let journal: Journal | undefined;
  let shown: Shown | undefined;
  const watch = (opened: Journal): void => {
    journal = opened;
    shown = isJson ? showJson(opened, io) : showOn(opened, io, verbose);
  };
  try {
    const status = await rideRun(store, runId, { home, settings, io, watch, verbose });
    shown?.end();
    if (!isJson && journal !== undefined) {
      const { events } = journal;
      io.out(reportText(foldRun(runId, events), traceRun(runId, events), notes));
    }
    return EXIT_OF[status];
  } catch (error) {
    shown?.end();
    if (!(error instanceof Interrupted)) throw error;
    io.err(`interrupted; go on with: slipway resume ${runId}`);
    return EXIT.interrupted;
  }
}

function showOn(journal: Journal, io: Io, verbose: boolean): Shown {
  const { terminal } = io;
  // A log beside it would tear the picture.
  if (terminal === undefined || verbose || io.env["CI"] !== undefined) return showLines(journal, io);
  return showLive(journal, terminal.write, terminal, io.env["NO_COLOR"] === undefined);
}
