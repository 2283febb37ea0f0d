import { toIso } from "../../../kernel/clock.ts";
import { receiptCommand, receiptDigest, signReceipt, type ReceiptCommand } from "../../../kernel/receipts.ts";
import type { Writer } from "../../../kernel/store.ts";
import { cleanText, clipText } from "../../../kernel/text.ts";
import { runCommand, type CommandResult, type CommandSpec } from "../adapters/run-command.ts";
import { countTests } from "../domain/test-report.ts";
import type { Ran, SandboxDeps, TestsRan } from "../deps.ts";
import type { Found } from "./find-sandbox.ts";
import type { LiveLog } from "../adapters/live-log.ts";

/** What a suite of tests reported, read after it ended and before the receipt is signed. */
export type ReadTests = (result: CommandResult) => Promise<TestsRan>;

/** Runs a command, signs what was seen, and records that it ended. */
export async function runAndRecord(
  deps: SandboxDeps,
  writer: Writer,
  { record, ref, backend }: Found,
  command: ReceiptCommand,
  spec: Omit<CommandSpec, "argv" | "outputCapBytes"> & { readonly argv?: readonly string[] },
  cancelled: AbortSignal,
  log: LiveLog,
  readTests?: ReadTests,
): Promise<Ran> {
  const { store, clock } = deps;
  // Counted before it starts: of two at once, each sees that it was not alone.
  const { before, treeDigest } = await store.write(writer, (tx) => tx.countCommand(record.id));
  const startedAt = clock();
  const argv = spec.argv ?? ("script" in command ? ["/bin/sh", "-c", command.script] : command.argv);
  const result = await deps.busy.during(record.id, () =>
    runCommand(
      backend,
      ref,
      { ...spec, argv, outputCapBytes: deps.outputCapBytes },
      deps,
      cancelled,
      (_stream, chunk) => log.push(chunk),
    ),
  );
  const tests = await readTests?.(result);
  // A report that could not be read whole proves no counts.
  const counts = tests === undefined || tests.problem !== null ? null : countTests(tests.cases);
  const id = deps.newId("rcp");
  const receipt = signReceipt(
    {
      v: 1,
      id,
      sandbox_id: record.id,
      backend: record.backend,
      isolation: record.isolation,
      command: receiptCommand(command),
      cwd: spec.cwd,
      tree_digest: treeDigest,
      commands_before: before,
      outcome: result.ending.outcome,
      exit_code: result.ending.exitCode,
      signal: result.ending.signal,
      counts,
      stdout_sha256: receiptDigest(result.stdout),
      stderr_sha256: receiptDigest(result.stderr),
      started_at: toIso(startedAt),
      finished_at: toIso(clock()),
    },
    deps.receiptKey(),
  );
  await store.write(writer, (tx) => {
    tx.emit("command.finished", record.id, {
      command: clipText(cleanText("script" in command ? command.script : command.argv.join(" ")), 200),
      outcome: result.ending.outcome,
      exit_code: result.ending.exitCode,
      wall_ms: result.wallMs,
      cpu_ms: result.cpuMs,
      peak_memory_bytes: result.peakMemoryBytes,
      receipt_id: id,
    });
    if (tests !== undefined)
      tx.emit("tests.finished", record.id, {
        framework: tests.framework,
        ...countTests(tests.cases),
        flaky: tests.flaky?.length ?? 0,
        line_coverage: tests.coverage?.lines ?? null,
        is_whole: tests.problem === null,
        receipt_id: id,
      });
  });
  return {
    result,
    receipt,
    isolation: record.isolation,
    ...(tests === undefined ? {} : { tests }),
  };
}
