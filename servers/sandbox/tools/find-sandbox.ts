import { DomainError } from "../../../kernel/errors.ts";
import type { Backend, SandboxRef } from "../adapters/backend.ts";
import type { SandboxDeps } from "../deps.ts";
import type { SandboxRecord } from "../store/sandbox-store.ts";

/** A sandbox of this state folder and the backend it lives on. */
export interface Found {
  readonly record: SandboxRecord;
  readonly ref: SandboxRef;
  readonly backend: Backend;
}

/**
 * Finds a usable sandbox, whichever process made it.
 *
 * @throws {DomainError} not_found when it is unknown, deleted or expired; invalid_state while it is being made.
 */
export async function findSandbox({ store, clock, backends }: SandboxDeps, id: string): Promise<Found> {
  const record = await store.read((tx) => tx.find(id));
  if (record === undefined)
    throw new DomainError("not_found", `there is no sandbox ${id}`, {
      hint: "list_sandboxes shows what there is; create_sandbox makes one",
    });
  if (record.expiresAt <= clock())
    throw new DomainError("not_found", `sandbox ${id} has expired`, {
      hint: "create a new one, with a larger ttl_s if needed",
    });
  if (record.status === "creating")
    throw new DomainError("invalid_state", `sandbox ${id} is still being made`, {
      hint: "try again in a moment",
      retryable: true,
    });
  return { record, ref: refOf(record), backend: backends.of(record.backend) };
}

export function refOf({ id, handle, limits, hosts }: SandboxRecord): SandboxRef {
  return { id, handle, limits, ...(hosts.length === 0 ? {} : { hosts }) };
}
