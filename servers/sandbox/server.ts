import { bindResources } from "../../kernel/mcp/resource.ts";
import { bindTools, type ToolServer } from "../../kernel/mcp/server.ts";
import type { Tool } from "../../kernel/mcp/tool.ts";
import type { SandboxDeps } from "./deps.ts";
import { sandboxResources } from "./resources.ts";
import { cancelJobTool } from "./tools/cancel-job.ts";
import { createSandboxTool } from "./tools/create-sandbox.ts";
import { deleteSandbox } from "./tools/delete-sandbox.ts";
import { exportChanges } from "./tools/export-changes.ts";
import { forkSandbox } from "./tools/fork-sandbox.ts";
import { importDirectory } from "./tools/import-directory.ts";
import { listSandboxes } from "./tools/list-sandboxes.ts";
import { listSandboxFiles } from "./tools/list-sandbox-files.ts";
import { readJobTool } from "./tools/read-job.ts";
import { readSandboxFile } from "./tools/read-sandbox-file.ts";
import { searchSandboxFiles } from "./tools/search-sandbox-files.ts";
import { runCommandTool } from "./tools/run-command.ts";
import { runTestsTool } from "./tools/run-tests.ts";
import { snapshotSandbox } from "./tools/snapshot-sandbox.ts";
import { writeSandboxFiles } from "./tools/write-sandbox-files.ts";

const tools = [
  createSandboxTool,
  runCommandTool,
  runTestsTool,
  writeSandboxFiles,
  readSandboxFile,
  listSandboxFiles,
  searchSandboxFiles,
  importDirectory,
  exportChanges,
  snapshotSandbox,
  forkSandbox,
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
    resources: bindResources(sandboxResources, deps),
    log: deps.log,
    async close() {
      await deps.jobs.close();
      deps.store.close();
    },
  };
}
