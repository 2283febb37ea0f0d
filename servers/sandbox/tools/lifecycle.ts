import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { treeDigest } from "../../../kernel/receipts.ts";
import type { Writer } from "../../../kernel/store.ts";
import { attest } from "../adapters/attest.ts";
import type { Backend, BackendName } from "../adapters/backend.ts";
import { NO_GUARANTEES, type Guarantees } from "../domain/guarantees.ts";
import type { Limits } from "../domain/limits.ts";
import type { SandboxDeps } from "../deps.ts";
import type { SandboxRecord } from "../store/sandbox-store.ts";

export interface CreateRequest {
  readonly name: string | undefined;
  readonly backend: BackendName | undefined;
  readonly limits: Limits;
  readonly ttlS: number;
  /** Hosts that commands may reach; only a backend with a door is taken then. */
  readonly hosts: readonly string[];
}

/**
 * Makes a sandbox on the best backend that works and lets it prove itself. The intent is stored first, so that
 * nothing is left unknown by a crash, and the quota holds between processes.
 *
 * @throws {DomainError} limit at the quota, conflict for a name in use, unavailable when no backend can isolate.
 */
export async function createSandbox(
  deps: SandboxDeps,
  writer: Writer,
  request: CreateRequest,
  progress: (message: string) => void,
): Promise<SandboxRecord> {
  const { store, clock, newId, maxSandboxes } = deps;
  const usable = await deps.backends.usable(request.backend);
  const candidates = request.hosts.length === 0 ? usable : usable.filter(({ hasDoor }) => hasDoor === true);
  const [first] = candidates;
  if (first === undefined)
    throw new DomainError("unavailable", "no backend here can allow single hosts", {
      hint: 'install the package bubblewrap, or use network "none" and bring files in with import_directory',
      retryable: false,
    });
  const now = clock();
  const intent: SandboxRecord = {
    id: newId("sbx"),
    name: request.name ?? null,
    backend: first.name,
    isolation: first.isolation,
    status: "creating",
    handle: "",
    principal: writer.principal.id,
    limits: request.limits,
    hosts: request.hosts,
    guarantees: NO_GUARANTEES,
    createdAt: now,
    expiresAt: now + request.ttlS * 1_000,
    treeDigest: treeDigest([]),
    commands: 0,
  };
  await store.write(writer, async (tx) => {
    if ((await tx.count()) >= maxSandboxes)
      throw new DomainError("limit", `there are ${maxSandboxes} sandboxes already`, {
        hint: "delete_sandbox one that is no longer needed",
      });
    if (request.name !== undefined && (await tx.findByName(request.name)) !== undefined) {
      throw new DomainError("conflict", `there is a sandbox named ${request.name} already`, {
        hint: "use it (list_sandboxes), delete it, or choose another name",
      });
    }
    await tx.add(intent);
  });
  try {
    const made = await makeOnOne(deps, intent, candidates, request, progress);
    await store.write(writer, async (tx) => {
      await tx.save(made);
      tx.emit("sandbox.created", made.id, {
        backend: made.backend,
        isolation: made.isolation,
        ttl_s: request.ttlS,
        create_ms: clock() - now,
      });
    });
    return made;
  } catch (error) {
    await store.write(writer, (tx) => tx.remove(intent.id));
    throw error;
  }
}

/** Tries the backends in order. One that fails, or does not hold what isolation means, gives way to the next. */
async function makeOnOne(
  deps: SandboxDeps,
  intent: SandboxRecord,
  candidates: readonly Backend[],
  request: CreateRequest,
  progress: (message: string) => void,
): Promise<SandboxRecord> {
  let failure: unknown;
  for (const backend of candidates) {
    try {
      // Where it is made is known before it is made, so that a crash between the two leaves a trace.
      const tried: SandboxRecord = { ...intent, backend: backend.name, isolation: backend.isolation };
      await deps.store.write({ principal: { id: intent.principal }, once: undefined }, (tx) =>
        tx.save(tried),
      );
      const ref = await backend.create(
        {
          id: intent.id,
          limits: request.limits,
          ttlS: request.ttlS,
          ...(request.hosts.length === 0 ? {} : { hosts: request.hosts }),
        },
        progress,
      );
      const guarantees = await attest(backend, ref, deps).catch(async (error: unknown) => {
        await backend.destroy(ref);
        throw error;
      });
      if (isSound(backend, guarantees)) return { ...tried, status: "ready", handle: ref.handle, guarantees };
      await backend.destroy(ref);
      failure = new DomainError("unavailable", `${backend.name} does not isolate on this machine`, {
        hint: "`slipway doctor` shows what is missing",
        retryable: false,
      });
    } catch (error) {
      failure = error;
      if (!(error instanceof DomainError && error.code === "unavailable")) break;
    }
    deps.log("warn", "a sandbox backend failed", {
      backend: backend.name,
      error: failure instanceof Error ? failure.message : String(failure),
    });
  }
  throw failure;
}

function isSound(backend: Backend, { filesystem, network, processes }: Guarantees): boolean {
  return (
    backend.isolation === "none" ||
    (filesystem === "enforced" && network === "enforced" && processes === "enforced")
  );
}

/** Removes a sandbox and all it left on this machine; false when somebody else had done so already. */
export async function removeSandbox(
  deps: SandboxDeps,
  writer: Writer,
  record: SandboxRecord,
  why: "sandbox.deleted" | "sandbox.expired",
): Promise<boolean> {
  await deps.backends.of(record.backend).destroy(record);
  await rm(join(deps.folder, record.id), { recursive: true, force: true });
  return deps.store.write(writer, async (tx) => {
    const removed = await tx.remove(record.id);
    if (removed) tx.emit(why, record.id, { backend: record.backend, commands: record.commands });
    return removed;
  });
}

/** Removes what has expired. A backend that does not answer is tried again next time. */
export async function sweepExpired(deps: SandboxDeps, writer: Writer): Promise<void> {
  const expired = await deps.store.read((tx) => tx.expired(deps.clock()));
  for (const record of expired)
    await removeSandbox(deps, writer, record, "sandbox.expired").catch((error: unknown) =>
      logFailure(deps, record.id, error),
    );
}

/** Copying a workspace takes seconds; after this long its maker is dead. */
const COPY_MS = 3_600_000;

/** Removes what earlier processes of this state folder left behind without a record. */
export async function sweepOrphans(deps: SandboxDeps): Promise<void> {
  const isKnown = (id: string): Promise<boolean> =>
    deps.store.read(async (tx) => ((await tx.find(id)) ?? (await tx.findSnapshot(id))) !== undefined);
  for (const name of await readdir(deps.folder).catch(() => [])) {
    // A copy that another process is just making has no record yet.
    const isOld = async (): Promise<boolean> =>
      (await stat(join(deps.folder, name))).mtimeMs < deps.clock() - COPY_MS;
    if (/^(sbx|snp)_/.test(name) && !(await isKnown(name)) && (name.startsWith("sbx_") || (await isOld())))
      await rm(join(deps.folder, name), { recursive: true, force: true }).catch((error: unknown) =>
        logFailure(deps, name, error),
      );
  }
  for (const backend of deps.backends.all) {
    // A backend that is not there has left nothing that could be removed now.
    for (const ref of await backend.listOwned().catch(() => [])) {
      if (!(await isKnown(ref.id)))
        await backend.destroy(ref).catch((error: unknown) => logFailure(deps, ref.id, error));
    }
  }
}

function logFailure(deps: SandboxDeps, id: string, error: unknown): void {
  deps.log("warn", "a sandbox could not be removed", {
    sandbox: id,
    error: error instanceof Error ? error.message : String(error),
  });
}
