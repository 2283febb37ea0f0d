import { toIso } from "../../../kernel/clock.ts";
import { receiptCommand, receiptDigest, signReceipt, type ReceiptCommand } from "../../../kernel/receipts.ts";
import type { Writer } from "../../../kernel/store.ts";
import { cleanText, clipText } from "../../../kernel/text.ts";
import { runCommand, type CommandSpec } from "../adapters/run-command.ts";
import type { Ran, SandboxDeps } from "../deps.ts";
import type { Found } from "./find-sandbox.ts";
import type { LiveLog } from "../adapters/live-log.ts";

/** Runs a command, signs what was seen, and records that it ended. */
export async function runAndRecord(
  deps: SandboxDeps,
  writer: Writer,
  { record, ref, backend }: Found,
  command: ReceiptCommand,
  spec: Omit<CommandSpec, "argv" | "outputCapBytes">,
  cancelled: AbortSignal,
  log: LiveLog,
): Promise<Ran> {
  const { store, clock } = deps;
  // Counted before it starts: of two at once, each sees that it was not alone.
  const { before, treeDigest } = await store.write(writer, (tx) => tx.countCommand(record.id));
  const startedAt = clock();
  const argv = "script" in command ? ["/bin/sh", "-c", command.script] : command.argv;
  const result = await runCommand(
    backend,
    ref,
    { ...spec, argv, outputCapBytes: deps.outputCapBytes },
    deps,
    cancelled,
    (_stream, chunk) => log.push(chunk),
  );
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
      counts: null,
      stdout_sha256: receiptDigest(result.stdout),
      stderr_sha256: receiptDigest(result.stderr),
      started_at: toIso(startedAt),
      finished_at: toIso(clock()),
    },
    deps.receiptKey(),
  );
  await store.write(writer, (tx) =>
    tx.emit("command.finished", record.id, {
      command: clipText(cleanText("script" in command ? command.script : command.argv.join(" ")), 200),
      outcome: result.ending.outcome,
      exit_code: result.ending.exitCode,
      wall_ms: result.wallMs,
      cpu_ms: result.cpuMs,
      peak_memory_bytes: result.peakMemoryBytes,
      receipt_id: id,
    }),
  );
  return { result, receipt, isolation: record.isolation };
}
