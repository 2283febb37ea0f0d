import { DomainError } from "../../../kernel/errors.ts";
import { collectLeavings, readProject, testArgv, type Leavings } from "../adapters/test-run.ts";
import { readReport } from "../adapters/test-reports/read.ts";
import {
  linesOfDiff,
  parseGoProfile,
  parseLcov,
  summariseCoverage,
  type CoverageSummary,
} from "../domain/coverage.ts";
import {
  commandFor,
  COVERAGE_FILE,
  frameworkOf,
  GO_PROFILE,
  planTests,
  REPORT_FILE,
  type Framework,
  type TestPlan,
} from "../domain/test-command.ts";
import { countTests, findFlaky, type TestCase } from "../domain/test-report.ts";
import type { Ran, SandboxDeps, TestsRan } from "../deps.ts";
import type { LiveLog } from "../adapters/live-log.ts";
import type { Writer } from "../../../kernel/store.ts";
import { collectChanges } from "./collect-changes.ts";
import type { Found } from "./find-sandbox.ts";
import { runAndRecord } from "./run-and-record.ts";

export interface SuiteRequest {
  readonly command: string | undefined;
  readonly framework: Framework | undefined;
  readonly wantsCoverage: boolean;
  /** A diff; undefined for what changed since the import. */
  readonly changed: string | undefined;
  readonly timeoutMs: number;
  /** How often a suite with failures is run again to find flaky tests. */
  readonly reruns: number;
}

/** What a suite is run by, decided before it becomes a job, so that a refusal is told at once. */
export interface Suite extends SuiteRequest {
  readonly planFor: (folder: string) => TestPlan;
}

/** @throws {DomainError} invalid where neither the caller nor the project says how the tests are run. */
export async function findSuite(found: Found, request: SuiteRequest): Promise<Suite> {
  const facts = await readProject(found.backend, found.ref);
  const command = request.command ?? commandFor(facts, request.framework ?? null);
  if (command === null)
    throw new DomainError("invalid", "the workspace does not tell how its tests are run", {
      hint: 'give command, for example "node --test"',
    });
  const framework = request.framework ?? frameworkOf(command, facts);
  if (framework === null)
    throw new DomainError("invalid", "the command does not tell which tool runs the tests", {
      hint: "give framework; tap or junit takes any program that writes such a report",
    });
  return {
    ...request,
    planFor: (folder) => planTests(framework, command, folder, request.wantsCoverage, facts),
  };
}

/** Runs a suite, and again where that tells more; the receipt is that of the first run. */
export async function runSuite(
  deps: SandboxDeps,
  writer: Writer,
  found: Found,
  suite: Suite,
  cancelled: AbortSignal,
  log: LiveLog,
): Promise<Ran> {
  const first = await runOnce(deps, writer, found, suite, cancelled, log);
  const { tests } = first;
  if (tests === undefined || suite.reruns === 0 || countTests(tests.cases).failed === 0) return first;
  const runs = [tests.cases];
  for (let rerun = 0; rerun < suite.reruns && !cancelled.aborted; rerun += 1) {
    const again = await runOnce(deps, writer, found, { ...suite, wantsCoverage: false }, cancelled, log);
    if (again.tests !== undefined) runs.push(again.tests.cases);
  }
  return { ...first, tests: { ...tests, flaky: findFlaky(runs) } };
}

async function runOnce(
  deps: SandboxDeps,
  writer: Writer,
  found: Found,
  suite: Suite,
  cancelled: AbortSignal,
  log: LiveLog,
): Promise<Ran> {
  const { workspace } = found.backend.layout(found.ref);
  const folder = `${workspace}/.slipway-tests-${deps.nonce()}`;
  const plan = suite.planFor(folder);
  return runAndRecord(
    deps,
    writer,
    found,
    { script: plan.script },
    {
      argv: testArgv(folder, plan.script, plan.isPrinted),
      cwd: ".",
      env: plan.env,
      stdin: undefined,
      timeoutMs: suite.timeoutMs,
    },
    cancelled,
    log,
    async ({ ending }) => {
      const gone = ending.outcome === "sandbox_dead" || ending.outcome === "backend_down";
      const left = gone ? EMPTY : await collectLeavings(found.backend, found.ref, folder).catch(asLeavings);
      const { cases, problem } = casesIn(plan, left, workspace);
      const coverage = suite.wantsCoverage ? await coverageIn(deps, found, suite, left, workspace) : null;
      return {
        framework: plan.framework,
        cases,
        problem: problem ?? (ending.outcome === "exited" ? null : "the tests did not come to their end"),
        flaky: undefined,
        coverage,
        noCoverage:
          suite.wantsCoverage && coverage === null
            ? (plan.noCoverage ?? "the tests left no coverage report")
            : null,
      };
    },
  );
}

interface Collected extends Leavings {
  readonly problem?: string;
}

const EMPTY: Collected = { files: new Map(), skipped: [] };

/** A report that cannot be carried out is a finding about the tests, not a failure of the call. */
function asLeavings(error: unknown): Collected {
  if (!(error instanceof DomainError)) throw error;
  return { ...EMPTY, problem: `the report could not be read: ${error.message}` };
}

function casesIn(
  plan: TestPlan,
  left: Collected,
  workspace: string,
): Pick<TestsRan, "problem"> & { readonly cases: readonly TestCase[] } {
  const report = left.files.get(REPORT_FILE);
  if (left.problem !== undefined) return { cases: [], problem: left.problem };
  if (left.skipped.includes(REPORT_FILE))
    return { cases: [], problem: "the report is too large, or no regular file" };
  if (report === undefined) return { cases: [], problem: "the tests left no report" };
  try {
    const cases = readReport(plan.framework, report, workspace);
    return { cases, problem: cases.length === 0 ? "the report names no test" : null };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { cases: [], problem: error.message };
  }
}

async function coverageIn(
  deps: SandboxDeps,
  found: Found,
  suite: Suite,
  left: Collected,
  workspace: string,
): Promise<CoverageSummary | null> {
  const textOf = (name: string): string => new TextDecoder().decode(left.files.get(name) ?? new Uint8Array());
  const profile = textOf(GO_PROFILE);
  const coverage = profile === "" ? parseLcov(textOf(COVERAGE_FILE), workspace) : parseGoProfile(profile);
  if (coverage.size === 0) return null;
  const diff = suite.changed ?? (await collectChanges(deps, found, false)).patch;
  return summariseCoverage(coverage, linesOfDiff(diff));
}
