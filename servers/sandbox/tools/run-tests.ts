import { z } from "zod";
import { defineTool, DESTROYS } from "../../../kernel/mcp/tool.ts";
import { liveLog } from "../adapters/live-log.ts";
import { FRAMEWORKS } from "../domain/test-command.ts";
import type { SandboxDeps } from "../deps.ts";
import { idempotencyKey, maxTokensInput, sandboxId, waitMs } from "./answer.ts";
import { amount, whole, words } from "./bounds.ts";
import { findSandbox } from "./find-sandbox.ts";
import { findSuite, runSuite } from "./suite.ts";
import { showTests, type TestsOutput } from "./tests-answer.ts";

export const runTestsTool = defineTool({
  name: "run_tests",
  title: "Run tests",
  description:
    "Runs a project's tests: counts and failures instead of a log. ok: all passed, and this run's report is whole. reruns finds flaky tests; changed: a diff for changed-line coverage, else what changed since the import.",
  input: z.object({
    sandbox_id: sandboxId,
    command: words(1, 100_000).optional(),
    framework: z.enum(["auto", ...FRAMEWORKS]).default("auto"),
    coverage: z.boolean().default(false),
    changed: words(0, 10_000_000).optional(),
    reruns: whole(0, 5).default(0),
    timeout_s: amount(0.1, 86_400).default(600),
    wait_ms: waitMs,
    max_tokens: maxTokensInput,
    idempotency_key: idempotencyKey,
  }),
  output: z.looseObject({
    ok: z.boolean(),
    passed: z.number(),
    failed: z.number(),
    skipped: z.number(),
    failures: z.array(z.unknown()),
    coverage: z.unknown().optional(),
    flaky: z.array(z.string()).optional(),
    receipt: z.string().optional(),
  }),
  annotations: DESTROYS,
  async run(input, deps: SandboxDeps, call): Promise<TestsOutput> {
    const found = await findSandbox(deps, input.sandbox_id);
    const suite = await findSuite(found, {
      command: input.command,
      framework: input.framework === "auto" ? undefined : input.framework,
      wantsCoverage: input.coverage,
      changed: input.changed,
      timeoutMs: Math.round(input.timeout_s * 1_000),
      reruns: input.reruns,
    });
    const log = liveLog();
    const job = await deps.jobs.start(call.principal.id, input.wait_ms, call.signal, (cancelled) =>
      runSuite(deps, call, found, suite, cancelled, log),
    );
    if (job.status === "working") deps.logs.keep(job.id, log);
    else if (job.result === undefined) throw job.error;
    const { result } = job;
    return deps.store.answer(call, (): TestsOutput =>
      result?.tests === undefined
        ? {
            ok: false,
            outcome: "running",
            passed: 0,
            failed: 0,
            skipped: 0,
            failures: [],
            job_id: job.id,
            status: "working",
          }
        : showTests(result, result.tests, input.max_tokens),
    );
  },
});
