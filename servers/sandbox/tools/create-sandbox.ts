import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { BACKENDS } from "../adapters/backend.ts";
import { DEFAULT_LIMITS } from "../domain/limits.ts";
import type { SandboxDeps } from "../deps.ts";
import { idempotencyKey } from "./answer.ts";
import { refOf } from "./find-sandbox.ts";
import { createSandbox, removeSandbox } from "./lifecycle.ts";
import { importFolder, putFiles } from "./workspace.ts";
import { toEntries, writtenFile } from "./written-file.ts";

export const createSandboxTool = defineTool({
  name: "create_sandbox",
  title: "Create a sandbox",
  description:
    "Makes an isolated place to run untrusted commands: an empty /workspace, Node and a shell, no network, nothing of this machine. from_dir copies a host folder in. guarantees says what was checked to hold. Ends after ttl_s.",
  input: z.object({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][\w.-]{0,62}$/)
      .optional(),
    template: z.string().default("node").describe("only node so far"),
    files: z
      .array(writtenFile.omit({ delete: true, mkdir: true }))
      .max(2_000)
      .optional(),
    from_dir: z.string().optional().describe("absolute, below an allowed root"),
    network: z.union([z.literal("none"), z.object({ allow: z.array(z.string()) })]).default("none"),
    limits: z
      .object({
        cpu: z.number().min(0.1).max(64).default(DEFAULT_LIMITS.cpu),
        memory_mb: z.int().min(32).max(65_536).default(DEFAULT_LIMITS.memoryMb),
        pids: z.int().min(16).max(4_096).default(DEFAULT_LIMITS.pids),
        disk_mb: z.int().min(16).max(16_384).default(DEFAULT_LIMITS.diskMb),
      })
      .prefault({}),
    ttl_s: z.int().min(60).max(86_400).default(3_600),
    backend: z.enum(BACKENDS).optional(),
    idempotency_key: idempotencyKey,
  }),
  output: z.looseObject({
    id: z.string(),
    backend: z.string(),
    guarantees: z.record(z.string(), z.string()),
    expires_at: z.string(),
  }),
  annotations: WRITES,
  core: true,
  async run(
    { name, template, files, from_dir: fromDir, network, limits, ttl_s: ttlS, backend },
    deps: SandboxDeps,
    call,
  ) {
    if (template !== "node")
      throw new DomainError("invalid", `there is no template ${JSON.stringify(template.slice(0, 80))}`, {
        hint: "the template is node",
      });
    if (network !== "none" && network.allow.length > 0) {
      throw new DomainError("unavailable", "no backend here can allow single hosts", {
        hint: 'use network "none" and bring files in with import_directory',
        retryable: false,
      });
    }
    const entries = toEntries(files ?? []);
    await deps.sweep(call);
    let progress = 0;
    const record = await createSandbox(
      deps,
      call,
      {
        name,
        backend,
        ttlS,
        limits: { cpu: limits.cpu, memoryMb: limits.memory_mb, pids: limits.pids, diskMb: limits.disk_mb },
      },
      (message) => void call.progress({ progress: (progress += 1), message }).catch(() => undefined),
    );
    const found = { record, ref: refOf(record), backend: deps.backends.of(record.backend) };
    try {
      const imported =
        fromDir === undefined ? undefined : await importFolder(deps, call, found, fromDir, ".");
      if (entries.entries.length > 0) await putFiles(deps, call, found, entries.entries, []);
      // Nobody would hear of a sandbox whose call was cancelled.
      if (call.signal.aborted)
        throw new DomainError("timeout", "the call was cancelled", {
          hint: "call again if it is still wanted",
        });
      return await deps.store.answer(call, () => ({
        id: record.id,
        ...(name === undefined ? {} : { name }),
        backend: record.backend,
        isolation: record.isolation,
        guarantees: { ...record.guarantees },
        expires_at: toIso(record.expiresAt),
        ...(imported === undefined ? {} : { tree_digest: imported.tree_digest }),
      }));
    } catch (error) {
      await removeSandbox(deps, call, record, "sandbox.deleted");
      throw error;
    }
  },
});
