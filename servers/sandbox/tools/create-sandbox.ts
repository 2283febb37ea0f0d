import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { BACKENDS } from "../adapters/backend.ts";
import { DEFAULT_LIMITS } from "../domain/limits.ts";
import { hostsRefused } from "../domain/package-hosts.ts";
import type { SandboxDeps } from "../deps.ts";
import { amount, list, whole } from "./bounds.ts";
import { idempotencyKey } from "./answer.ts";
import { refOf } from "./find-sandbox.ts";
import { createSandbox, removeSandbox } from "./lifecycle.ts";
import { findSnapshot, restore } from "./snapshots.ts";
import { importFolder, putFiles } from "./workspace.ts";
import { newFile, toEntries } from "./written-file.ts";

export const createSandboxTool = defineTool({
  name: "create_sandbox",
  title: "Create a sandbox",
  description:
    "Makes an isolated place to run untrusted commands: an empty /workspace, Node, a shell, no network. from_dir copies a host folder in. guarantees: what was seen to hold.",
  input: z.object({
    name: z
      .string()
      .refine(
        (name) => /^[A-Za-z0-9][\w.-]{0,62}$/.test(name),
        "letters, digits, dots and dashes, at most 63",
      )
      .optional(),
    template: z.string().default("node"),
    files: list(newFile, 0, 2_000).optional(),
    from_dir: z.string().optional(),
    network: z.union([z.literal("none"), z.object({ allow: z.array(z.string()) })]).default("none"),
    limits: z
      .object({
        cpu: amount(0.1, 64).default(DEFAULT_LIMITS.cpu),
        memory_mb: whole(32, 65_536).default(DEFAULT_LIMITS.memoryMb),
        pids: whole(16, 4_096).default(DEFAULT_LIMITS.pids),
        disk_mb: whole(16, 16_384).default(DEFAULT_LIMITS.diskMb),
      })
      .prefault({}),
    ttl_s: whole(60, 86_400).default(3_600),
    from_snapshot: z.string().optional(),
    services: z.array(z.unknown()).optional(),
    backend: z.enum(BACKENDS).optional(),
    idempotency_key: idempotencyKey,
  }),
  output: z.looseObject({
    id: z.string(),
    backend: z.string(),
    guarantees: z.looseObject({}),
    expires_at: z.string(),
  }),
  annotations: WRITES,
  core: true,
  async run(
    {
      name,
      template,
      files,
      from_dir: fromDir,
      from_snapshot: fromSnapshot,
      network,
      services,
      limits,
      ttl_s: ttlS,
      backend,
    },
    deps: SandboxDeps,
    call,
  ) {
    if (template !== "node")
      throw new DomainError("invalid", `there is no template ${JSON.stringify(template.slice(0, 80))}`, {
        hint: "the template is node",
      });
    const hosts = network === "none" ? [] : [...new Set(network.allow)];
    const refused = hostsRefused(hosts, deps.hosts);
    if (refused.length > 0)
      throw new DomainError(
        "denied",
        `sandboxes may not reach ${refused.slice(0, 3).join(", ").slice(0, 200)}`,
        {
          hint: `allowed are ${deps.hosts.slice(0, 4).join(", ")} and other package registries; a person names more in SLIPWAY_SANDBOX_HOSTS`,
        },
      );
    if (services !== undefined && services.length > 0)
      throw new DomainError("unavailable", "no backend here can run services beside a sandbox", {
        hint: "start what the tests need inside the command, such as a database in a file",
        retryable: false,
      });
    const entries = toEntries(files ?? []);
    await deps.sweep(call);
    const saved = fromSnapshot === undefined ? undefined : await findSnapshot(deps, fromSnapshot);
    let progress = 0;
    const record = await createSandbox(
      deps,
      call,
      {
        name,
        backend,
        ttlS,
        hosts,
        limits: { cpu: limits.cpu, memoryMb: limits.memory_mb, pids: limits.pids, diskMb: limits.disk_mb },
      },
      (message) => void call.progress({ progress: (progress += 1), message }).catch(() => undefined),
    );
    const found = { record, ref: refOf(record), backend: deps.backends.of(record.backend) };
    try {
      // A folder on top of a snapshot is the base from then on; what the snapshot was made from is history.
      if (saved !== undefined) await restore(deps, call, found, saved, fromDir === undefined);
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
