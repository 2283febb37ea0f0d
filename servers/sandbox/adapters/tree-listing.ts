import { DomainError } from "../../../kernel/errors.ts";
import type { Backend, SandboxRef } from "./backend.ts";
import { markOf, runScript } from "./files.ts";

export type FileType = "file" | "folder" | "link" | "other";

export interface Listed {
  /** Relative to the workspace. */
  readonly path: string;
  readonly type: FileType;
  readonly sizeBytes: number;
}

/** No listing names more: a sandbox may make a million files in a second. */
const MAX_NAMES = 50_000;

/** Enters the workspace and finds the real place of a path below it, as `real`; links out of it are refused. */
const PLACE = `nonce=$1 root=$2
answer() { echo "$nonce $1" >&2; exit 0; }
cd -P -- "$root" || answer gone
real=$(readlink -f -- "./$3") && [ -e "$real" ] || answer absent
case $real/ in "$root"/*) ;; *) answer escape;; esac
`;

const LIST = `${PLACE}[ -d "$real" ] || answer not_folder
cd -P -- "$real" || answer unreadable
find . -mindepth 1 -maxdepth "$4" -print0 2>/dev/null | xargs -0 -r stat -c '%f %s %n' -- 2>/dev/null | head -n "$5"
answer done`;

/**
 * Lists a folder of the workspace, sorted by path. Links are named, not followed. `isCut` tells that there are more
 * names than are ever listed.
 *
 * @param depth Levels below the folder, 1 for its own entries.
 * @throws {DomainError} not_found, denied (outside the workspace), invalid (not a folder).
 */
export async function listFiles(
  backend: Backend,
  ref: SandboxRef,
  path: string,
  depth: number,
  nonce: string,
): Promise<{ readonly files: readonly Listed[]; readonly isCut: boolean }> {
  const args = [nonce, backend.layout(ref).workspace, path, String(depth), String(MAX_NAMES + 1)];
  const { stdout, stderr } = await runScript(backend, ref, LIST, args);
  refuse(path, markOf(stderr, nonce));
  const files = stdout
    .toString("utf8")
    .split("\n")
    .flatMap((line): Listed[] => {
      const match = /^([0-9a-f]{1,8}) (\d+) \.\/(.+)$/.exec(line);
      if (match === null) return [];
      const [, mode = "", size, name = ""] = match;
      return [
        {
          path: path === "." ? name : `${path}/${name}`,
          type: TYPES.get(Number.parseInt(mode, 16) & 0o170_000) ?? "other",
          sizeBytes: Number(size),
        },
      ];
    });
  return {
    files: files.slice(0, MAX_NAMES).sort((a, b) => (a.path < b.path ? -1 : 1)),
    isCut: files.length > MAX_NAMES,
  };
}

// Source: inode(7), the file type of st_mode.
const TYPES: ReadonlyMap<number, FileType> = new Map([
  [0o100_000, "file"],
  [0o040_000, "folder"],
  [0o120_000, "link"],
]);

export interface Match {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

const SEARCH = `${PLACE}[ -z "$(echo | grep -Eq -e "$4" 2>&1)" ] || answer bad_pattern
cd -P -- "$root"; find ".\${real#"$root"}" -name .git -prune -o -name node_modules -prune -o -type f -print0 2>/dev/null | sort -z | xargs -0 -r grep -nHE -e "$4" -- 2>/dev/null | tail -n "+$(($5+1))" | head -n "$6" | cut -b 1-1200
answer done`;

/**
 * Searches the regular files of the workspace line by line, in the order of their paths, without `.git` and
 * `node_modules`; links are not followed.
 *
 * @param pattern A POSIX extended regular expression.
 * @param skip Matches to leave out at the front.
 * @throws {DomainError} invalid for a broken pattern, not_found, denied (outside the workspace).
 */
export async function searchFiles(
  backend: Backend,
  ref: SandboxRef,
  search: { readonly pattern: string; readonly path: string; readonly skip: number; readonly limit: number },
  nonce: string,
): Promise<readonly Match[]> {
  const { pattern, path, skip, limit } = search;
  if (pattern.includes("\0")) refuse(path, "bad_pattern");
  const args = [nonce, backend.layout(ref).workspace, path, pattern, String(skip), String(limit)];
  const { stdout, stderr } = await runScript(backend, ref, SEARCH, args);
  refuse(path, markOf(stderr, nonce));
  return stdout
    .toString("utf8")
    .split("\n")
    .flatMap((line): Match[] => {
      const match = /^(?:\.\/)+(.+?):(\d+):(.*)$/.exec(line);
      return match === null
        ? []
        : [{ path: (match[1] ?? "").replace(/^\.\//, ""), line: Number(match[2]), text: match[3] ?? "" }];
    });
}

function refuse(path: string, mark: string | undefined): void {
  switch (mark) {
    case "done":
      return;
    case "escape":
      throw new DomainError("denied", `${path} is a link that leaves the workspace`, {
        hint: "name a folder below the workspace",
      });
    case "not_folder":
      throw new DomainError("invalid", `${path} is not a folder`, { hint: "read_sandbox_file reads a file" });
    case "unreadable":
      throw new DomainError("denied", `${path} may not be entered by the sandbox's user`, {
        hint: "change its mode with run_command",
      });
    case "bad_pattern":
      throw new DomainError("invalid", "the pattern is no extended regular expression", {
        hint: "put a backslash before each of ( ) [ ] { } + * ? . that is meant as it is",
      });
    default:
      throw new DomainError("not_found", `there is no folder ${path}`, {
        hint: "list_sandbox_files without path shows what is there",
      });
  }
}
