import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import { refuseUrl, isLocalSource } from "../domain/clone-url.ts";
import type { GitHost } from "./host.ts";
import { porcelain } from "./porcelain.ts";

/** Makes an empty repository in an empty folder. */
export async function initInto(host: GitHost, folder: string, signal: AbortSignal): Promise<void> {
  const made = await porcelain(
    host.outside(folder),
    gitCommand("init", ["--quiet", "--initial-branch=main", "--template="]),
    { signal },
  );
  if (!made.ok)
    throw new DomainError("unavailable", "the repository could not be made", {
      hint: "check free disk space and permissions",
      cause: made.stderr,
    });
}

/**
 * Clones into an empty folder. The configuration of the clone is ours, so nothing of the source runs.
 * @throws {DomainError} denied for a transport, host form or local folder that is not allowed; unavailable when it fails.
 */
export async function cloneInto(
  host: GitHost,
  url: string,
  folder: string,
  depth: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const isLocal = isLocalSource(url);
  const reason = isLocal ? undefined : refuseUrl(url, host.protocols);
  if (reason !== undefined)
    throw new DomainError("denied", `this URL is not cloned: ${reason}`, {
      hint: `allowed: ${host.protocols.join(", ")} without credentials, or a folder under an allowed root`,
    });
  const source = isLocal
    ? `file://${encodeURI((await host.open(url.replace(/^file:\/\//, ""))).worktree)}`
    : url;
  const command = gitCommand("clone", depth === undefined ? ["--quiet"] : ["--quiet", `--depth=${depth}`], {
    revisions: [source, "."],
  });
  const made = await porcelain(host.outside(folder, isLocal ? ["file"] : host.protocols), command, {
    signal,
    quietMs: 40_000,
  });
  if (made.ok) return;
  throw new DomainError("unavailable", "the repository could not be cloned", {
    hint: "check that the URL exists and can be read without a password",
    retryable: /resolve host|timed out|connect|early EOF/i.test(made.stderr),
    cause: made.stderr,
  });
}
