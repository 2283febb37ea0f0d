import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { digestOf } from "../../../kernel/canonical-json.ts";
import { systemClock, toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { gitCache } from "../../../kernel/git/open.ts";
import { findHome, mainWorktree } from "../../../kernel/home.ts";
import { EXIT, type Command, type Io } from "../../../kernel/io.ts";
import { silentLog } from "../../../kernel/log.ts";
import { openRoots } from "../../../kernel/roots.ts";
import { readMainLine } from "../adapters/mined-history.ts";
import { readDecisionConfig } from "../config.ts";
import { churnFormula } from "../domain/learning/churn-formula.ts";
import { livingModel, type LivingModel } from "../domain/learning/living-model.ts";
import { aucOf, brierOf, eceOf } from "../domain/learning/scoring.ts";
import { mine, type Mined } from "../domain/mining.ts";
import { openDecisionStore } from "../store/sqlite.ts";
import type { Training } from "../store/models.ts";
import { exitFor, withStore } from "./opened.ts";

const USAGE = `usage: slipway decision train [--repo DIR] [--commits N] [--dry-run] [--json] [--home DIR]

Reads the last N (3000) commits of a repository's main line, finds those that were fixed or reverted later, and starts
the risk model from them. Says how well that would have told them apart. Earlier lessons from the past are replaced;
lessons from outcomes stay. --dry-run stores nothing. Of a repository that is not the project of this state folder it
only says so: a model that lets changes go on alone is never started from another's past.`;

const COMMITS = 3_000;
const MOST_COMMITS = 20_000;
/** Lessons below which nothing can be said of the model. */
const FEW = 100;

interface Report {
  readonly scored: number;
  readonly defects: number;
  readonly auc: number | null;
  readonly brier: number | null;
  readonly ece: number | null;
  readonly formula_auc: number | null;
  readonly lines_added_auc: number | null;
}

/** Starts the model of a state folder from the past of its repository. */
export const train: Command = async (argv, io) => {
  try {
    const flags = parseFlags(
      argv,
      {
        repo: { type: "string" },
        commits: { type: "string" },
        "dry-run": { type: "boolean" },
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
    const given = resolve(io.cwd, flags.text("repo") ?? ".");
    const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
    const { database, gitHome, path, project } = readDecisionConfig({
      home,
      env: io.env,
      cwd: io.cwd,
      log: silentLog,
    });
    mkdirSync(gitHome, { recursive: true, mode: 0o700 });
    if (!existsSync(given))
      throw new DomainError("not_found", `${given} is not there`, { hint: "--repo DIR" });
    const own = projectOf(home, project);
    const isOwn = sameFolder(mainWorktree(realpathSync(given)), own);
    // A task's worktree stands where its task likes: what the project itself has come to is in the main one.
    const repo = isOwn ? own : given;
    io.err("reading the history");
    const commits = await readMainLine(
      { roots: openRoots([repo, mainWorktree(repo) ?? repo]), path, home: gitHome, cache: gitCache(), repo },
      flags.int("commits", 2, MOST_COMMITS) ?? COMMITS,
      io.signal,
    );
    io.err(`following the lines of ${commits.length} commits`);
    const mined = mine(commits);
    const model = livingModel(mined.lessons);
    const report = reportOf(model);
    const training = {
      repo: realpathSync(repo),
      head: commits.at(-1)?.id ?? "",
      counts: counts(mined),
      digest: digestOf(mined.lessons),
    };
    const isStored = !flags.has("dry-run") && isOwn && (await keep(database, mined, training));
    if (!flags.has("dry-run") && !isStored) await refuse(flags.text("home"), io, training.repo);
    io.out(
      flags.has("json")
        ? JSON.stringify({ ...counts(mined), model: model.name, stored: isStored, ...report })
        : inWords(mined, model, report),
    );
    return EXIT.done;
  } catch (error) {
    return exitFor(error, io);
  }
};

/** The project that a state folder belongs to: the one that it lies in, else the one that the command was started in. */
function projectOf(home: string, startedIn: string): string {
  const beside = basename(home) === ".slipway" ? mainWorktree(dirname(home)) : null;
  return beside !== null && sameFolder(beside, dirname(home)) ? beside : startedIn;
}

function sameFolder(a: string | null, b: string): boolean {
  return a !== null && existsSync(a) && existsSync(b) && realpathSync(a) === realpathSync(b);
}

/** Replaces the lessons of the past; false, and nothing changed, where they were first read from another repository. */
async function keep(database: string, { lessons }: Mined, training: Training): Promise<boolean> {
  mkdirSync(dirname(database), { recursive: true });
  const store = openDecisionStore(database, systemClock);
  try {
    return await store.write({ principal: { id: "decision train" }, once: undefined }, async (tx) => {
      if (((await tx.trainedFrom()) ?? training.repo) !== training.repo) return false;
      await tx.dropMined();
      for (const { id, at, due, metrics, label } of lessons) {
        await tx.setLesson(
          id,
          {
            ...{ id, at, due, metrics, label, attested: "mined", principal: "git" },
            ...{ action: null, stated: null, risk: null, verdict: null, model: null },
          },
          systemClock(),
        );
      }
      await tx.noteTraining(training);
      return true;
    });
  } finally {
    store.close();
  }
}

/** Says that nothing was stored, and puts on record that somebody tried to. */
async function refuse(home: string | undefined, io: Io, repo: string): Promise<void> {
  const reason = "this repository is not the project of this state folder";
  io.err(`${reason}: nothing was stored (run it in the project, or with another --home)`);
  await withStore(home, io, (store) =>
    store.write({ principal: { id: "local" }, once: undefined }, (tx) =>
      tx.noteRefusal({ what: "train", subject: repo, code: "denied", reason }),
    ),
  );
}

/** The last half by time, each forecast before its label was known. */
function reportOf({ lived }: LivingModel): Report {
  const half = lived.slice(Math.floor(lived.length / 2));
  const scored = half.map(({ p, lesson }) => ({ p, label: lesson.label }));
  const by = (score: (item: (typeof half)[number]) => number): number | null =>
    aucOf(half.map((item) => ({ p: score(item), label: item.lesson.label })));
  return {
    scored: half.length,
    defects: scored.reduce((sum, { label }) => sum + label, 0),
    auc: aucOf(scored),
    brier: scored.length === 0 ? null : brierOf(scored),
    ece: scored.length === 0 ? null : eceOf(scored),
    formula_auc: by(({ lesson }) => churnFormula(lesson.metrics)),
    lines_added_auc: by(({ lesson }) => lesson.metrics.la ?? 0),
  };
}

function counts({ commits, fixes, reverts, young, lessons }: Mined): Record<string, number> {
  const defects = lessons.filter(({ label }) => label === 1).length;
  return { commits, fixes, reverts, too_young: young, lessons: lessons.length, defective: defects };
}

function inWords(mined: Mined, model: LivingModel, report: Report): string {
  const { commits, fixes, reverts, too_young, lessons = 0, defective } = counts(mined);
  const shown = (value: number | null): string => value?.toFixed(3) ?? "-";
  const until = mined.lessons.reduce((latest, { at }) => Math.max(latest, at), 0);
  return [
    `${commits} commits, ${fixes} of them fixes and ${reverts} reverts; ${defective} of ${lessons} were mended later${lessons === 0 ? "" : ` (until ${toIso(until).slice(0, 10)})`}`,
    `${too_young} are younger than 90 days and not yet good or bad: left out`,
    lessons < FEW
      ? `${lessons} lessons are too few to say how well a model does: ${model.name} stays in force`
      : `last half (${report.scored}, ${report.defects} defective): AUC ${shown(report.auc)}, fixed formula ${shown(report.formula_auc)}, lines added ${shown(report.lines_added_auc)}; Brier ${shown(report.brier)}, ECE ${shown(report.ece)}`,
    `in force: ${model.name}${model.name === "weighted_formula" ? ", as the labels do not speak for another yet" : ""}`,
    "Causes are found by the lines that a fix takes out: some are wrong, and defects nobody fixed count as good.",
  ].join("\n");
}
