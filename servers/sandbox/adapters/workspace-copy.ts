import { open } from "node:fs/promises";
import { DomainError } from "../../../kernel/errors.ts";
import type { Backend, SandboxRef } from "./backend.ts";
import { runScript } from "./files.ts";

// A container's commands are stopped for the moment of the copy: everything of the user but this shell, which starts tar
// only then. Elsewhere commands cannot be reached from here, and the caller sees to it that none runs.
const SAVE = `cd -P -- "$1" || exit 4
if [ "$2" = freeze ]; then trap 'kill -CONT -1 2>/dev/null' EXIT; kill -STOP -1 2>/dev/null; fi
tar -c -f - .
code=$?
exit $code`;

const LOAD = `cd -P -- "$1" && exec tar -x -p -f -`;

/**
 * Copies a whole workspace into a file of the host, as it is at one moment. The archive is opaque: it is only ever
 * unpacked again inside a sandbox, by its user.
 *
 * @param maxBytes What the copy may take.
 * @returns Its size in bytes.
 * @throws {DomainError} limit when it is larger, invalid_state when something cannot be read.
 */
export async function saveWorkspace(
  backend: Backend,
  ref: SandboxRef,
  file: string,
  maxBytes: number,
): Promise<number> {
  const target = await open(file, "wx", 0o600);
  let bytes = 0;
  let written: Promise<unknown> = Promise.resolve();
  try {
    const mode = backend.isolation === "container" ? "freeze" : "as it is";
    const { end } = await runScript(
      backend,
      ref,
      SAVE,
      [backend.layout(ref).workspace, mode],
      undefined,
      (chunk) => {
        bytes += chunk.length;
        if (bytes > maxBytes) return false;
        const copy = Uint8Array.from(chunk);
        written = written.then(() => target.write(copy));
        return true;
      },
    );
    await written;
    if (bytes > maxBytes)
      throw new DomainError("limit", `the workspace is larger than ${maxBytes} bytes`, {
        hint: "delete what is not needed (build output, caches) and try again",
      });
    if (end.exitCode !== 0)
      throw new DomainError("invalid_state", "the workspace could not be copied whole", {
        hint: "make every file readable (`chmod -R u+rX .`) and stop commands that still write",
      });
    return bytes;
  } finally {
    await written.catch(() => undefined);
    await target.close();
  }
}

/** Unpacks such a copy into an empty workspace. @throws {DomainError} limit when it does not fit. */
export async function loadWorkspace(backend: Backend, ref: SandboxRef, copy: Uint8Array): Promise<void> {
  const { end } = await runScript(backend, ref, LOAD, [backend.layout(ref).workspace], copy);
  if (end.exitCode !== 0)
    throw new DomainError("limit", "the copy does not fit into the new sandbox", {
      hint: "create it with a larger limits.disk_mb",
    });
}
