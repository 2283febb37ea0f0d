import { cleanText, clipText } from "../../../kernel/text.ts";
import { estimateTokens, fitItems } from "../../../kernel/tokens.ts";
import { countTests } from "../domain/test-report.ts";
import type { Ran, TestsRan } from "../deps.ts";
import { showOutput } from "./answer.ts";

export interface TestsOutput {
  ok: boolean;
  outcome: string;
  passed: number;
  failed: number;
  skipped: number;
  failures: Record<string, unknown>[];
  [more: string]: unknown;
}

const RESERVE_TOKENS = 140;
const MESSAGE_CHARS = 600;
const NAME_CHARS = 200;
const CHARS_PER_RECEIPT_TOKEN = 1.4;

/** Shows a suite that ended within a token budget: failures first, then output where the report does not tell enough. */
export function showTests(
  { result, receipt, isolation }: Ran,
  tests: TestsRan,
  maxTokens: number,
): TestsOutput {
  const { ending } = result;
  const counts = countTests(tests.cases);
  const isSound = tests.problem === null && ending.outcome === "exited" && ending.exitCode === 0;
  const room = Math.max(80, maxTokens - RESERVE_TOKENS - Math.ceil(receipt.length / CHARS_PER_RECEIPT_TOKEN));
  const failures = tests.cases
    .filter(({ status }) => status === "failed")
    .map(({ name, file, line, message }) => ({
      name: show(name, NAME_CHARS),
      ...(file === null ? {} : { file: show(file, NAME_CHARS) }),
      ...(line === null ? {} : { line }),
      message: show(message ?? "", MESSAGE_CHARS),
    }));
  const shown = fitItems(failures, Math.floor(room * 0.7), 0).taken;
  const flaky = fitItems(
    (tests.flaky ?? []).map((name) => show(name, NAME_CHARS)),
    Math.floor(room * 0.1),
    0,
  ).taken;
  const left = room - estimateTokens(JSON.stringify([shown, flaky]));
  // What the report does not explain, the end of the output may.
  const output =
    isSound || counts.failed > 0
      ? undefined
      : showOutput(Buffer.concat([result.stdout, result.stderr]), Math.max(60, left));
  return {
    ok: isSound && counts.failed === 0 && counts.passed > 0,
    outcome: ending.outcome,
    ...(ending.exitCode === null ? {} : { exit_code: ending.exitCode }),
    ...counts,
    failures: [...shown],
    ...(shown.length < failures.length ? { failures_omitted: failures.length - shown.length } : {}),
    ...(tests.flaky === undefined ? {} : { flaky: [...flaky] }),
    ...(tests.coverage === null ? {} : { coverage: showCoverage(tests.coverage, Math.floor(room * 0.2)) }),
    ...(tests.noCoverage === null ? {} : { no_coverage: tests.noCoverage }),
    ...(tests.problem === null ? {} : { problem: tests.problem }),
    ...(output === undefined ? {} : { output: output.text }),
    framework: tests.framework,
    wall_ms: result.wallMs,
    receipt,
    isolation,
  };
}

function showCoverage(
  { lines, changedLines }: NonNullable<TestsRan["coverage"]>,
  maxTokens: number,
): Record<string, unknown> {
  if (changedLines === undefined) return { lines };
  const { covered, total, uncovered } = changedLines;
  const shown = fitItems(
    uncovered.map((place) => show(place, NAME_CHARS)),
    maxTokens,
    0,
  ).taken;
  return { lines, changed_lines: { covered, total, uncovered: [...shown] } };
}

function show(text: string, maxChars: number): string {
  return clipText(cleanText(text), maxChars);
}
