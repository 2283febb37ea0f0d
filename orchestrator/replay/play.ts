import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { systemClock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/errors.ts";
import type { EventRecord } from "../../kernel/events.ts";
import type { Io } from "../../kernel/io.ts";
import { readSettings } from "../config.ts";
import { parsePlan } from "../plan/plan.ts";
import type { Runner } from "../runners/runner.ts";
import type { Journal } from "../run/journal.ts";
import { openRunStore } from "../run/run-store.ts";
import { beginRun, filesFor, rideRun, runStorePath } from "../start.ts";
import type { BenchRepository } from "./bench-repository.ts";
import type { Instance } from "./instance.ts";
import { replayWorker } from "./replay-worker.ts";
import {
  deletingTests,
  gold,
  incompletes,
  meanwhile,
  skippingTests,
  withHang,
  withSyntaxError,
  withUnrelatedFile,
  type Submission,
  type VariantName,
} from "./variants.ts";
import type { Played } from "./verdict.ts";

/** Where and how an instance is played. */
export interface Stage {
  /** The state folder of its runs. */
  readonly home: string;
  /** Holds one repository per variant. */
  readonly repos: string;
  readonly io: Io;
  readonly allowUnisolated: boolean;
  /** Where the instance itself names no bound for one run of its tests, in seconds. */
  readonly timeoutS: number;
}

/** What a variant needs to know of its instance. */
export interface Piece {
  readonly instance: Instance;
  readonly repository: BenchRepository;
  readonly test: string;
}

/** Refs of the two tasks of a run: the replayed one, and what others merge meanwhile. */
const REPLAYED = "replayed";
const MEANWHILE = "meanwhile";

/** The most parts of a change that are left out in turn to find one that the tests miss. */
const MOST_PARTS = 6;

/**
 * Plays one worker against the harness: a run like any other, over a repository of its own, in which the worker's words
 * count for nothing.
 */
export async function play(stage: Stage, piece: Piece, variant: VariantName): Promise<Played> {
  const begun = systemClock();
  const nothing: Played = {
    variant,
    status: "not_applicable",
    reasons: [],
    flagged: [],
    failedGates: [],
    attempts: 0,
    keptOthers: true,
    durationMs: 0,
    testsMs: 0,
  };
  const made = await submissionFor(stage, piece, variant);
  if ("why" in made) return { ...nothing, reasons: [made.why], durationMs: systemClock() - begun };
  const run = await runOnce(stage, piece, variant, piece.repository.base, made);
  return { ...nothing, ...run, durationMs: systemClock() - begun };
}

interface Parts {
  readonly submission: Submission;
  /** What somebody else merges while the worker works. */
  readonly meanwhile?: Submission;
}

async function submissionFor(
  stage: Stage,
  piece: Piece,
  variant: VariantName,
): Promise<Parts | { readonly why: string }> {
  const { change, tests } = piece.repository;
  const known = (submission: Submission | null, why: string): Parts | { readonly why: string } =>
    submission === null ? { why } : { submission };
  switch (variant) {
    case "gold":
      return { submission: gold(change) };
    case "nothing":
      return { submission: new Map() };
    case "incomplete":
      return known(await neededPart(stage, piece), "no part was found that the tests miss");
    case "deleted_test":
      return known(deletingTests([...tests.keys()]), "the tests came without files of their own");
    case "skipped_test":
      return known(skippingTests(tests), "how these tests are skipped is not known");
    case "unrelated_file":
      return { submission: withUnrelatedFile(change) };
    case "conflict": {
      const other = meanwhile(change);
      return other === null
        ? { why: "the change touches no line that was there" }
        : { submission: gold(change), meanwhile: other };
    }
    case "syntax_error":
      return known(withSyntaxError(change), "the change touches no code of a known language");
    case "hang":
      return known(withHang(change), "the change touches no code of a known language");
  }
}

/**
 * The right change without a part that the tests miss. Whether they do is asked of the red-before gate, over a
 * repository that begins with that part missing: the gates that judge a worker's change have no say in it.
 */
async function neededPart(stage: Stage, piece: Piece): Promise<Submission | null> {
  for (const [at, part] of incompletes(piece.repository.change).slice(0, MOST_PARTS).entries()) {
    const commit = await piece.repository.commitWith(part);
    const probe = await runOnce(stage, piece, `probe-${at}`, commit, { submission: new Map() });
    if (!probe.failedGates.includes("red_before") && probe.status === "rejected") return part;
  }
  return null;
}

type Ended = Pick<
  Played,
  "status" | "reasons" | "flagged" | "failedGates" | "attempts" | "keptOthers" | "testsMs"
>;

async function runOnce(
  stage: Stage,
  { instance, repository, test }: Piece,
  name: string,
  commit: string,
  parts: Parts,
): Promise<Ended> {
  const { home, io } = stage;
  const repo = join(stage.repos, name);
  if (existsSync(repo)) await rm(repo, { recursive: true, force: true });
  await repository.layOut(commit, repo);
  const paths = [...gold(repository.change).keys()];
  const other = parts.meanwhile;
  const plan = parsePlan({
    ...(instance.setup === "" ? {} : { setup: instance.setup }),
    tasks: [
      {
        ref: REPLAYED,
        title: instance.title,
        paths,
        max_attempts: other === undefined ? 1 : 2,
        acceptance: [{ tests: test, must_fail_before: true, protect: [...repository.tests.keys()] }],
      },
      ...(other === undefined
        ? []
        : [
            {
              ref: MEANWHILE,
              title: "Something else in the same lines",
              max_attempts: 1,
              acceptance: [{ run: "true" }],
            },
          ]),
    ],
  });
  const store = openRunStore(runStorePath(home), systemClock);
  try {
    const runId = await beginRun(
      store,
      repo,
      {
        goal: instance.title,
        runner: "replay",
        has_model: false,
        workers: other === undefined ? 1 : 2,
        // Nobody is there to ask: what the policy leaves to a person shows as waiting.
        autonomy: 5,
        mode: "in_process",
        allow_unisolated: stage.allowUnisolated,
        budget: {},
        setup: "",
        plan,
        demo: null,
        // It shows the machine's own programs, which suites of real projects call.
        backend: "bubblewrap",
        proof_timeout_s: stage.timeoutS,
      },
      (at) => filesFor(at, home, io.env),
    );
    const turns = takingTurns();
    let journal: Journal | undefined;
    await rideRun(store, runId, {
      home,
      settings: readSettings(repo, io.env),
      io,
      verbose: false,
      watch: (opened) => {
        journal = opened;
        opened.onEvent(turns.hear);
      },
      crew: async () => crewOf(workerOf(parts, turns.begins)),
    });
    const events = journal?.events ?? [];
    const head = await filesFor(repo, home, io.env).commitOf(repo, "refs/heads/main");
    const kept = landedMeanwhile(events);
    return {
      ...endOf(events),
      keptOthers:
        other === undefined ||
        (kept !== "" && (await filesFor(repo, home, io.env).isAncestor(repo, kept, head))),
    };
  } finally {
    store.close();
  }
}

function workerOf({ submission, meanwhile: other }: Parts, begins: Turns["begins"]): Runner {
  // After a conflict a worker begins anew on what was merged, and makes its change there.
  return replayWorker(
    (job) => (job.taskRef === MEANWHILE ? (other ?? new Map()) : submission),
    (job) => (other === undefined ? Promise.resolve() : begins(job)),
  );
}

function crewOf(worker: Runner) {
  return { implementer: () => worker, planner: null, reviewer: null, close: async () => undefined };
}

interface Turns {
  begins(job: { readonly taskRef: string; readonly attempt: number }): Promise<void>;
  hear(event: EventRecord): void;
}

/** The one worker merges after the other has begun, and before it hands in. */
function takingTurns(): Turns {
  const begun = Promise.withResolvers<void>();
  const merged = Promise.withResolvers<void>();
  return {
    async begins({ taskRef }) {
      if (taskRef === MEANWHILE) return begun.promise;
      begun.resolve();
      return merged.promise;
    },
    hear({ type, data }) {
      const isEnd = type === "task.completed" || type === "task.dead" || type === "task.failed";
      if (isEnd && data["task"] === MEANWHILE) merged.resolve();
      // A worker that cannot even begin leaves nothing to wait for.
      if (isEnd && data["task"] === REPLAYED) begun.resolve();
    },
  };
}

const GateData = z.looseObject({
  task: z.string(),
  gate: z.string(),
  attempt: z.int(),
  reasons: z.array(z.string()),
});
const Proven = z.object({
  key: z.string().regex(/^t\/replayed\/a\d+\/proof$/u),
  result: z.looseObject({ runs: z.array(z.looseObject({ duration_ms: z.number() })) }),
});
const Finished = z.looseObject({
  tasks: z.array(z.looseObject({ ref: z.string(), status: z.string(), reasons: z.array(z.string()) })),
  reasons: z.array(z.string()).optional(),
});

function endOf(events: readonly EventRecord[]): Omit<Ended, "keptOthers"> {
  const gates = events.flatMap((event) => {
    const data = event.type.startsWith("gate.") ? GateData.safeParse(event.data).data : undefined;
    return data?.task === REPLAYED ? [{ ...data, type: event.type }] : [];
  });
  const attempts = Math.max(0, ...gates.map((gate) => gate.attempt));
  const last = gates.filter((gate) => gate.attempt === attempts);
  const finished = Finished.safeParse(events.findLast((event) => event.type === "run.finished")?.data).data;
  const task = finished?.tasks.find(({ ref }) => ref === REPLAYED);
  const proof = events
    .map((event) => (event.type === "step.finished" ? Proven.safeParse(event.data).data : undefined))
    .findLast((step) => step !== undefined);
  const setup = events.flatMap((event) => {
    const data = event.type === "gate.not_available" ? GateData.safeParse(event.data).data : undefined;
    return data?.gate === "setup" ? data.reasons : [];
  });
  return {
    status: task?.status ?? "failed",
    reasons: [...(task?.reasons ?? finished?.reasons ?? ["the run has no end"]), ...setup],
    flagged: last.flatMap((gate) =>
      gate.gate === "scope" && gate.type === "gate.failed" ? gate.reasons : [],
    ),
    failedGates: last.flatMap((gate) => (gate.type === "gate.failed" ? [gate.gate] : [])),
    attempts,
    testsMs: proof === undefined ? 0 : proof.result.runs.reduce((sum, run) => sum + run.duration_ms, 0),
  };
}

function landedMeanwhile(events: readonly EventRecord[]): string {
  const { commit } =
    events.find(({ type, data }) => type === "task.completed" && data["task"] === MEANWHILE)?.data ?? {};
  return typeof commit === "string" ? commit : "";
}

/** @throws {DomainError} invalid where nobody says how the tests are run and nothing tells it. */
export function assertTestCommand(instance: Instance, test: string): string {
  if (test !== "") return test;
  throw new DomainError("invalid", `how the tests of ${instance.id} are run is not known`, {
    hint: 'give it in the row: "test": "<command>"',
  });
}
