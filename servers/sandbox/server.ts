import type { Clock } from "../../kernel/clock.ts";
import type { NewId } from "../../kernel/ids.ts";
import type { Jobs } from "../../kernel/jobs.ts";
import type { Log } from "../../kernel/log.ts";
import { bindTools, type ToolServer } from "../../kernel/mcp/server.ts";
import type { Tool } from "../../kernel/mcp/tool.ts";
import type { Roots } from "../../kernel/roots.ts";
import type { Writer } from "../../kernel/store.ts";
import type { Backends } from "./adapters/choose.ts";
import type { PatchSettings } from "./adapters/patch.ts";
import type { SandboxStore } from "./store/sandbox-store.ts";
import { cancelJobTool } from "./tools/cancel-job.ts";
import { createSandboxTool } from "./tools/create-sandbox.ts";
import { deleteSandbox } from "./tools/delete-sandbox.ts";
import { exportChanges } from "./tools/export-changes.ts";
import { importDirectory } from "./tools/import-directory.ts";
import { listSandboxes } from "./tools/list-sandboxes.ts";
import type { LiveLogs } from "./tools/live-log.ts";
import { readJobTool } from "./tools/read-job.ts";
import { readSandboxFile } from "./tools/read-sandbox-file.ts";
import type { Ran } from "./tools/run-and-record.ts";
import { runCommandTool } from "./tools/run-command.ts";
import { writeSandboxFiles } from "./tools/write-sandbox-files.ts";

/** What the sandbox tools work with. The server owns none of it but the store and the jobs, which it closes. */
export interface SandboxDeps {
  readonly store: SandboxStore;
  readonly backends: Backends;
  readonly jobs: Jobs<Ran>;
  readonly logs: LiveLogs;
  readonly clock: Clock;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  readonly newId: NewId;
  /** An unguessable word. */
  readonly nonce: () => string;
  /** The folders that may be imported from; read when first needed. */
  readonly roots: () => Roots;
  /** Holds one folder per sandbox; no other path of the host is written. */
  readonly folder: string;
  readonly patches: PatchSettings;
  /** Signs receipts; made when first needed. */
  readonly receiptKey: () => Uint8Array;
  /** Clears away what expired or was left behind, before a sandbox is made. */
  readonly sweep: (writer: Writer) => Promise<void>;
  readonly maxSandboxes: number;
  readonly outputCapBytes: number;
  readonly log: Log;
}

const tools = [
  createSandboxTool,
  runCommandTool,
  writeSandboxFiles,
  readSandboxFile,
  importDirectory,
  exportChanges,
  deleteSandbox,
  listSandboxes,
  readJobTool,
  cancelJobTool,
] as const satisfies readonly Tool<SandboxDeps>[];

export type SandboxTools = typeof tools;

/** Isolated execution as an MCP server. Nothing on this machine is touched before the first sandbox is made. */
export function createSandboxServer(deps: SandboxDeps): ToolServer {
  return {
    name: "sandbox",
    instructions:
      "Isolated places to run commands. create_sandbox (from_dir copies a project in), run_command, then export_changes for a patch and delete_sandbox. Every command leaves a signed receipt that complete_task takes as evidence.",
    tools: bindTools(tools, deps, deps.store),
    log: deps.log,
    async close() {
      await deps.jobs.close();
      deps.store.close();
    },
  };
}
