import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { agentMark } from "../../kernel/agent-shell.ts";
import { DomainError } from "../../kernel/errors.ts";
import { parseFlags } from "../../kernel/flags.ts";
import { EXIT, type Command, type Io } from "../../kernel/io.ts";
import { openBenchRepository, type BenchRepository } from "../replay/bench-repository.ts";
import { findTestCommand } from "../replay/find-tests.ts";
import { parseInstances, type Instance } from "../replay/instance.ts";
import { assertTestCommand, play, type Piece, type Stage } from "../replay/play.ts";
import { VARIANT_NAMES, VARIANTS, type VariantName } from "../replay/variants.ts";
import { isRight, outcomeOf, type Played } from "../replay/verdict.ts";
import { Interrupted } from "../run/context.ts";
import { replayTable, type Line } from "./replay-table.ts";

const HELP = `slipway bench replay FILE.jsonl [flags]

Measures the harness, not a model: known changes are played by workers that hand in the right change, or cheat, and real
runs (worktree, sandbox, gates, decision, merge) judge them. The right change must be accepted, everything else must not.

Each line of FILE is one JSON object, SWE-bench's or our own:
  instance_id         its name
  repo                a folder, a bundle, an https URL, or owner/name; relative to FILE or --repos
  base_commit         where the work began (HEAD)
  files               instead of a repository: {path: text} of the base
  patch               the right change, as a diff
  test_patch          the tests that came with it, as a diff
  FAIL_TO_PASS        names of tests that must turn green; pytest is given them
  setup, test         commands; found from lockfiles and package.json where they are missing
  timeout_s           the bound for one run of the tests

  --repos DIR         where checkouts of owner/name lie
  --only a,b          instances by name
  --variants a,d,…    letters or names: ${VARIANT_NAMES.map((name) => `${VARIANTS[name].letter} ${name}`).join(", ")}
  --timeout-s N       the bound for one run of the tests (300)
  --keep DIR          work in this folder and leave everything there
  --allow-unisolated  let commands run on this machine where nothing isolates them
  --json              one JSON object per variant, and bench.finished at the end

Exit 0 where every variant ended as it must, else 1.`;

/** `slipway bench replay`. */
export const benchReplayCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    {
      repos: { type: "string" },
      only: { type: "string" },
      variants: { type: "string" },
      "timeout-s": { type: "string" },
      keep: { type: "string" },
      "allow-unisolated": { type: "boolean" },
      json: { type: "boolean" },
      home: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    1,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const [given] = flags.words;
  if (given === undefined)
    throw new DomainError("invalid", "which instances?", { hint: "slipway bench replay FILE.jsonl" });
  if (flags.has("allow-unisolated") && agentMark(io.env) !== undefined)
    throw new DomainError("denied", "an agent may not take the isolation away", {
      hint: "a person can run this in a terminal of their own",
      retryable: false,
    });
  const file = resolve(io.cwd, given);
  const variants = variantsOf(flags.text("variants"));
  const instances = chosen(parseInstances(readText(file)), flags.text("only"));
  const repos = flags.text("repos");
  const keep = flags.text("keep");
  const folder =
    keep === undefined
      ? mkdtempSync(join(realpathSync(tmpdir()), "slipway-bench-"))
      : freshFolder(resolve(io.cwd, keep));
  const isJson = flags.has("json");
  const lines: Line[] = [];
  const tell = (line: Line): void => {
    lines.push(line);
    if (isJson) io.out(JSON.stringify({ type: "bench.variant", ...line }));
    else
      io.err(
        `${line.ok ? "✓" : "✗"} ${line.instance} (${line.letter}) ${line.variant}: ${line.outcome}${line.ok || line.reasons.length === 0 ? "" : `: ${line.reasons[0]?.split("\n")[0] ?? ""}`}`,
      );
  };
  try {
    for (const [at, instance] of instances.entries()) {
      io.err(`== ${at + 1}/${instances.length} ${instance.id}`);
      await playAll(
        instance,
        variants,
        {
          home: join(folder, String(at + 1), "state"),
          repos: join(folder, String(at + 1), "repos"),
          io,
          allowUnisolated: flags.has("allow-unisolated"),
          timeoutS: flags.int("timeout-s", 1, 86_400) ?? 300,
        },
        [...(repos === undefined ? [] : [resolve(io.cwd, repos)]), dirname(file), io.cwd],
        tell,
      );
      if (keep === undefined) rmSync(join(folder, String(at + 1)), { recursive: true, force: true });
    }
  } catch (error) {
    if (error instanceof Interrupted || io.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    if (keep === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
  const { text, summary } = replayTable(lines);
  io.out(isJson ? JSON.stringify({ type: "bench.finished", ...summary }) : text);
  return summary.wrong === 0 ? EXIT.done : EXIT.failed;
};

/** How much longer than the right change's another one's tests may take, in times and seconds. */
const MOST_SLOWER = 5;
const SPARE_S = 20;

/** Plays every variant of one instance. One that cannot be played at all counts as wrong, and the others go on. */
async function playAll(
  instance: Instance,
  variants: readonly VariantName[],
  stage: Stage,
  from: readonly string[],
  tell: (line: Line) => void,
): Promise<void> {
  let piece: Piece;
  try {
    mkdirSync(stage.home, { recursive: true, mode: 0o700 });
    const repository = await openBenchRepository(instance, {
      store: join(stage.home, "history"),
      from,
      path: stage.io.env["PATH"] ?? "",
      gitHome: stage.home,
    });
    const test = assertTestCommand(instance, instance.test || (await testOf(instance, repository)));
    piece = { instance, repository, test };
  } catch (error) {
    for (const variant of variants) tell(lineOf(instance, broken(variant, stage.io, error)));
    return;
  }
  let timeoutS = instance.timeoutS ?? stage.timeoutS;
  for (const variant of variants) {
    const played = await play({ ...stage, timeoutS }, piece, variant).catch((error: unknown) =>
      broken(variant, stage.io, error),
    );
    tell(lineOf(instance, played));
    // What the right change needs tells how long to wait for one that hangs.
    if (variant === "gold" && played.status === "merged")
      timeoutS = Math.min(timeoutS, SPARE_S + Math.ceil((played.testsMs * MOST_SLOWER) / 1_000));
  }
}

async function testOf(instance: Instance, repository: BenchRepository): Promise<string> {
  const has = async (...paths: readonly string[]): Promise<boolean> =>
    (await Promise.all(paths.map((path) => repository.textOf(path)))).some((text) => text !== null);
  return findTestCommand(
    {
      manifest: await repository.textOf("package.json"),
      hasPython: await has(
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "tox.ini",
        "pytest.ini",
        "requirements.txt",
      ),
      hasGo: await has("go.mod"),
      hasCargo: await has("Cargo.toml"),
    },
    [...repository.tests.keys()],
    instance.failToPass,
  );
}

/** What stands in the table for a variant whose run could not be made. */
function broken(variant: VariantName, io: Io, error: unknown): Played {
  if (error instanceof Interrupted || io.signal.aborted) throw error;
  const reasons =
    error instanceof DomainError
      ? [error.message, ...(error.hint === undefined ? [] : [error.hint])]
      : [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  return {
    variant,
    status: "broken",
    reasons,
    flagged: [],
    failedGates: [],
    attempts: 0,
    keptOthers: false,
    durationMs: 0,
    testsMs: 0,
  };
}

function lineOf(instance: Instance, played: Played): Line {
  const { letter, must } = VARIANTS[played.variant];
  return {
    instance: instance.id,
    letter,
    variant: played.variant,
    must,
    outcome: outcomeOf(played),
    ok: isRight(played),
    flagged: played.flagged,
    gates: played.failedGates,
    reasons: played.reasons.map((reason) => reason.slice(0, 500)).slice(0, 3),
    duration_ms: played.durationMs,
    tests_ms: played.testsMs,
  };
}

function variantsOf(given: string | undefined): readonly VariantName[] {
  if (given === undefined) return VARIANT_NAMES;
  const wanted = given.split(",").map((word) => word.trim());
  const unknown = wanted.find(
    (word) => !VARIANT_NAMES.some((name) => name === word || VARIANTS[name].letter === word),
  );
  if (unknown !== undefined)
    throw new DomainError("invalid", `there is no variant "${unknown}"`, {
      hint: `use ${VARIANT_NAMES.map((name) => VARIANTS[name].letter).join(", ")}`,
    });
  return VARIANT_NAMES.filter((name) => wanted.includes(name) || wanted.includes(VARIANTS[name].letter));
}

function chosen(instances: readonly Instance[], only: string | undefined): readonly Instance[] {
  if (only === undefined) return instances;
  const wanted = only.split(",");
  const unknown = wanted.find((id) => !instances.some((instance) => instance.id === id));
  if (unknown !== undefined)
    throw new DomainError("invalid", `there is no instance "${unknown}" in the file`, {
      hint: `it has ${instances
        .slice(0, 5)
        .map(({ id }) => id)
        .join(", ")}`,
    });
  return instances.filter(({ id }) => wanted.includes(id));
}

function freshFolder(folder: string): string {
  mkdirSync(folder, { recursive: true });
  return realpathSync(folder);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new DomainError("invalid", `${file} cannot be read`, {
      hint: "check the path of the instances",
      cause: error,
    });
  }
}
