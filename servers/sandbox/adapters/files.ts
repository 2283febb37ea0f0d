import { DomainError } from "../../../kernel/errors.ts";
import { readArchive, writeArchive, type ArchiveLimits, type Entry, type ReadEntry } from "./archive.ts";
import type { Backend, ExecEnd, SandboxRef } from "./backend.ts";

// Files go in and out through programs inside the sandbox: what a hostile link there points to is then, at worst,
// something the sandbox could read anyway, and never a file of the host.

export interface FileDeps {
  readonly nonce: () => string;
  readonly clock: () => number;
}

const FILE_TIMEOUT_MS = 60_000;

/**
 * Checks that the folders named on the first lines of stdin lie in the workspace, removes what the next lines name,
 * then unpacks the archive that follows. The shell reads lines byte by byte, so the archive stays whole.
 */
const WRITE = `nonce=$1 root=$2 folders=$3 removals=$4
fail() { echo "$nonce $1" >&2; exit 4; }
cd -P -- "$root" || fail gone
while [ "$folders" -gt 0 ]; do
  IFS= read -r folder || fail gone
  while [ ! -d "$folder" ]; do
    if [ -e "$folder" ] || [ -L "$folder" ]; then fail not_folder; fi
    case $folder in */*) folder=\${folder%/*};; *) folder=.;; esac
  done
  cd -P -- "$folder" || fail not_folder
  case "$PWD/" in "$root"/*) ;; *) fail escape;; esac
  cd -P -- "$root"
  folders=$((folders-1))
done
while [ "$removals" -gt 0 ]; do
  IFS= read -r path || fail gone
  rm -rf -- "./$path" || fail removal
  removals=$((removals-1))
done
tar -x -p -f - || fail unpack`;

/**
 * Writes and removes files in one go, in this order: removals, then entries. Parent folders are made; a link in the
 * place of a file is replaced, never followed.
 *
 * @throws {DomainError} denied when a folder on the way is a link out of the workspace, limit when it is full.
 */
export async function writeEntries(
  backend: Backend,
  ref: SandboxRef,
  entries: readonly Entry[],
  removals: readonly string[],
  deps: FileDeps,
): Promise<void> {
  const folders = [...new Set([...entries.map((entry) => entry.path), ...removals].map(parentOf))].sort();
  const head = [...folders, ...removals].map((line) => `${line}\n`).join("");
  const stdin = Buffer.concat([Buffer.from(head), await writeArchive(entries, new Date(deps.clock()))]);
  const nonce = deps.nonce();
  const args = [nonce, backend.layout(ref).workspace, String(folders.length), String(removals.length)];
  const { end, stderr } = await runScript(backend, ref, WRITE, args, stdin);
  if (end.exitCode === 0) return;
  if (/No space left on device/.test(stderr))
    throw new DomainError("limit", "the workspace is full", {
      hint: "delete files, or create a sandbox with a larger limits.disk_mb",
    });
  const mark = markOf(stderr, nonce);
  if (mark === "escape")
    throw new DomainError("denied", "a folder on the way is a link that leaves the workspace", {
      hint: "remove the link first",
    });
  if (mark === "not_folder")
    throw new DomainError("conflict", "a part of the path is a file or a dangling link, not a folder", {
      hint: "delete it first",
    });
  throw new DomainError("invalid_state", "not every file could be written", {
    hint: "check that folders are writable and no folder stands in the place of a file",
  });
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash);
}

const READ = `nonce=$1 root=$2 path=$3
answer() { echo "$nonce $1" >&2; exit 0; }
cd -P -- "$root" || answer gone
[ -e "./$path" ] || [ -L "./$path" ] || answer absent
real=$(readlink -f -- "./$path") || answer absent
case $real in "$root"/*) ;; *) answer escape;; esac
[ -e "$real" ] || answer absent
[ -f "$real" ] || answer not_regular
[ -r "$real" ] || answer unreadable
size=$(($(wc -c < "$real")))
echo "$nonce size:$size" >&2
tail -c "+$4" -- "$real" 2>/dev/null | head -c "$5"`;

export interface FilePart {
  readonly content: Buffer;
  /** Of the whole file. */
  readonly sizeBytes: number;
}

/**
 * Reads part of a regular file; a link is followed while it stays in the workspace.
 *
 * @throws {DomainError} not_found, denied (outside the workspace), invalid (a folder, pipe or device).
 */
export async function readFilePart(
  backend: Backend,
  ref: SandboxRef,
  path: string,
  offset: number,
  length: number,
  deps: FileDeps,
): Promise<FilePart> {
  const nonce = deps.nonce();
  const args = [nonce, backend.layout(ref).workspace, path, String(offset + 1), String(length)];
  const { stdout, stderr } = await runScript(backend, ref, READ, args);
  const mark = markOf(stderr, nonce);
  if (mark?.startsWith("size:") === true) return { content: stdout, sizeBytes: Number(mark.slice(5)) };
  switch (mark) {
    case "escape":
      throw new DomainError("denied", `${path} is a link that leaves the workspace`, {
        hint: "read files below the workspace only",
      });
    case "not_regular":
      throw new DomainError("invalid", `${path} is not a regular file`, {
        hint: "to list a folder run `ls` with run_command",
      });
    case "unreadable":
      throw new DomainError("denied", `${path} may not be read by the sandbox's user`, {
        hint: "change its mode with run_command",
      });
    default:
      throw new DomainError("not_found", `there is no file ${path}`, {
        hint: "run `find .` with run_command to see what is there",
      });
  }
}

// Not every tar can leave things out, so the shell leaves them out at the top, where they are large.
const READ_TREE = `nonce=$1
cd -P -- "$2" || exit 4
excluded=$3
set --
for entry in ./* ./.[!.]* ./..?*; do
  [ -e "$entry" ] || [ -L "$entry" ] || continue
  case " $excluded " in *" \${entry#./} "*) echo "$nonce \${entry#./}" >&2; continue;; esac
  set -- "$@" "$entry"
done
[ $# -eq 0 ] && exit 0
exec tar -c -f - "$@"`;

export interface TreeReading {
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  /** Which of the excluded names stand at the top of the workspace. */
  readonly excluded: readonly string[];
}

/**
 * Reads the whole workspace.
 *
 * @param exclude Names of files and folders left out wherever they are; plain words.
 * @throws {DomainError} limit when it is larger than the limits, invalid_state when it cannot be read whole.
 */
export async function readTree(
  backend: Backend,
  ref: SandboxRef,
  exclude: readonly string[],
  limits: ArchiveLimits,
  onEntry: (entry: ReadEntry) => void,
  deps: FileDeps,
): Promise<TreeReading> {
  const isExcluded = (path: string): boolean => path.split("/").some((part) => exclude.includes(part));
  const reader = await readArchive(limits, (entry) => {
    if (!isExcluded(entry.path)) onEntry(entry);
  });
  const nonce = deps.nonce();
  const args = [nonce, backend.layout(ref).workspace, exclude.join(" ")];
  const { end, stderr } = await runScript(backend, ref, READ_TREE, args, undefined, (chunk) =>
    reader.push(chunk),
  );
  const { skipped } = await reader.finish();
  if (end.exitCode !== 0) {
    throw new DomainError("invalid_state", "the workspace could not be read whole", {
      hint: "make every file readable (`chmod -R u+rX .`) and stop commands that still write",
    });
  }
  const marks = stderr.matchAll(new RegExp(`${nonce} (\\S+)\n`, "g"));
  return {
    skipped: skipped.filter(({ path }) => !isExcluded(path)),
    excluded: [...marks].map((mark) => mark[1] ?? ""),
  };
}

/**
 * Runs a shell script of ours in the sandbox.
 *
 * @param take Given stdout as it comes, in place of keeping it; false ends the script.
 * @throws {DomainError} timeout when it does not end.
 */
export async function runScript(
  backend: Backend,
  ref: SandboxRef,
  script: string,
  args: readonly string[],
  stdin?: Uint8Array,
  take?: (chunk: Uint8Array) => boolean,
): Promise<{ readonly end: ExecEnd; readonly stdout: Buffer; readonly stderr: string }> {
  const kept = { stdout: new Array<Uint8Array>(), stderr: new Array<Uint8Array>() };
  const late = AbortSignal.timeout(FILE_TIMEOUT_MS);
  const enough = new AbortController();
  const end = await backend.exec(ref, {
    argv: ["/bin/sh", "-c", script, "sh", ...args],
    env: backend.layout(ref).env,
    stdin,
    kill: AbortSignal.any([late, enough.signal]),
    onOutput(stream, chunk) {
      if (stream === "stderr" || take === undefined) kept[stream].push(chunk);
      else if (!take(chunk)) enough.abort();
    },
  });
  if (late.aborted)
    throw new DomainError("timeout", "the sandbox did not answer in time", {
      hint: "try again, or create a new sandbox",
    });
  return { end, stdout: Buffer.concat(kept.stdout), stderr: Buffer.concat(kept.stderr).toString("latin1") };
}

/** What a script of ours said on stderr after its nonce. */
export function markOf(stderr: string, nonce: string): string | undefined {
  return new RegExp(`${nonce} (\\S+)\n`).exec(stderr)?.[1];
}
