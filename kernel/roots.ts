import { realpathSync } from "node:fs";
import { lstat, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, sep } from "node:path";
import { DomainError } from "./errors.ts";

/**
 * The folders a server may touch. Every path a caller gives goes through `resolve` or `resolveNew`, and only the
 * answer is used afterwards, so that a link inside a root cannot lead outside. A link made between the check and the
 * use is not caught: that needs another user or a sandbox.
 */
export interface Roots {
  /** Real paths, in the order given. */
  readonly paths: readonly string[];
  /** Whether a path that is already real lies in a root, the root itself included. */
  contains(realPath: string): boolean;
  /**
   * The real path of something that exists below a root.
   * @throws {DomainError} invalid (malformed), not_found (nothing there), denied (outside every root).
   */
  resolve(path: string): Promise<string>;
  /**
   * The real path something will have once created; what exists already resolves to itself.
   * @throws {DomainError} invalid (malformed), denied (outside every root, or through a dangling link).
   */
  resolveNew(path: string): Promise<string>;
}

const MAX_PATH_CHARS = 4096;
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/**
 * @param paths Absolute paths of folders that exist.
 * @throws {DomainError} invalid when one is malformed or missing: a typing error must not open a smaller door silently.
 */
export function openRoots(paths: readonly string[]): Roots {
  const real = paths.map((path) => {
    assertPath(path);
    try {
      return realpathSync.native(path);
    } catch (cause) {
      throw new DomainError("invalid", `the allowed root ${path} does not exist`, {
        hint: "create the folder or correct the list of roots",
        cause,
      });
    }
  });
  const contains = (path: string): boolean => real.some((root) => isInside(root, path));
  const admit = (path: string, asked: string): string => {
    if (contains(path)) return path;
    throw outside(asked, real);
  };

  return {
    paths: real,
    contains,
    async resolve(path) {
      assertPath(path);
      return admit(await realOf(path), path);
    },
    async resolveNew(path) {
      assertPath(path);
      if (path.split(sep).includes("..")) throw outside(path, real, "write the path without '..' segments");
      return admit(await realOfNew(path), path);
    },
  };
}

/** Whether `path` is `root` or below it, by whole segments: /srv/app-evil is not in /srv/app. */
export function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function assertPath(path: string): void {
  if (path.length === 0)
    throw new DomainError("invalid", "the path is empty", { hint: "give an absolute path" });
  if (path.length > MAX_PATH_CHARS) {
    throw new DomainError("invalid", `the path has more than ${MAX_PATH_CHARS} characters`, {
      hint: "give a shorter path",
    });
  }
  if (CONTROL.test(path) || !path.isWellFormed()) {
    throw new DomainError("invalid", "the path contains a control character", {
      hint: "give the path without it",
    });
  }
  if (!isAbsolute(path))
    throw new DomainError("invalid", `the path ${path} is not absolute`, { hint: "give an absolute path" });
}

async function realOf(path: string): Promise<string> {
  try {
    // This one asks the operating system; fs.realpath would remove ".." before it looks at links.
    return await realpath(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function realOfNew(path: string): Promise<string> {
  const missing: string[] = [];
  let ancestor = path;
  for (;;) {
    try {
      return join(await realpath(ancestor), ...missing);
    } catch (cause) {
      if (errorCode(cause) !== "ENOENT") throw unreadable(path, cause);
    }
    if (await existsAsLink(ancestor)) {
      throw new DomainError("denied", `the path ${path} goes through a link that leads nowhere`, {
        hint: "remove the link or choose another path",
      });
    }
    const parent = dirname(ancestor);
    missing.unshift(ancestor.slice(parent.length).replaceAll(sep, ""));
    ancestor = parent;
  }
}

async function existsAsLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    return false;
  }
}

function unreadable(path: string, cause: unknown): DomainError {
  switch (errorCode(cause)) {
    case "ENOENT":
      return new DomainError("not_found", `there is nothing at ${path}`, { hint: "check the path", cause });
    case "ENOTDIR":
      return new DomainError("not_found", `a part of ${path} is a file, not a folder`, {
        hint: "check the path",
        cause,
      });
    case "EACCES":
    case "EPERM":
      return new DomainError("denied", `${path} may not be read by this server`, {
        hint: "check the permissions",
        cause,
      });
    default:
      return new DomainError("invalid", `the path ${path} cannot be resolved`, {
        hint: "check it for link loops and overlong names",
        cause,
      });
  }
}

function outside(path: string, roots: readonly string[], hint?: string): DomainError {
  return new DomainError("denied", `${path} is outside the allowed roots`, {
    hint:
      hint ??
      `allowed: ${roots.length === 0 ? "none" : roots.slice(0, 5).join(", ")}; a person widens the roots when starting the server`,
  });
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
