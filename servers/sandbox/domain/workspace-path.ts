import { DomainError } from "../../../kernel/errors.ts";

/** Where the workspace is, as commands in an isolated sandbox see it. */
export const WORKSPACE = "/workspace";

const MAX_PATH = 1_024;
const MAX_PART = 255;

/**
 * Turns a caller's path into a clean path relative to the workspace; "." is the workspace itself. Relative paths
 * and paths below `/workspace` are taken. What a link inside the sandbox points to is checked there, not here.
 *
 * @throws {DomainError} invalid for a path that leaves the workspace, is empty, too long or holds control characters.
 */
export function workspacePath(given: string): string {
  const shown = JSON.stringify(given.slice(0, 80));
  if (given === "" || given.length > MAX_PATH) throw refuse(shown, "is empty or too long");
  if (/[\u0000-\u001f\u007f\\]/.test(given) || !given.isWellFormed())
    throw refuse(shown, "holds a backslash or control characters");
  const relative =
    given === WORKSPACE ? "." : given.startsWith(`${WORKSPACE}/`) ? given.slice(WORKSPACE.length + 1) : given;
  if (relative.startsWith("/") || /^[A-Za-z]:/.test(relative)) throw refuse(shown, "leaves the workspace");
  const parts: string[] = [];
  for (const part of relative.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (parts.pop() === undefined) throw refuse(shown, "leaves the workspace");
      continue;
    }
    if (new TextEncoder().encode(part).length > MAX_PART)
      throw refuse(shown, "has a part longer than 255 bytes");
    parts.push(part);
  }
  return parts.length === 0 ? "." : parts.join("/");
}

/** The same for the path of a file, which the workspace itself is not. */
export function filePath(given: string): string {
  const path = workspacePath(given);
  if (path === ".") throw refuse(JSON.stringify(given.slice(0, 80)), "names the workspace, not a file");
  return path;
}

/** Whether a link at `path` with this target stays inside the tree, judged by its text alone. */
export function isInnerLink(path: string, target: string): boolean {
  if (target === "" || target.startsWith("/") || /[\u0000-\u001f]/.test(target)) return false;
  let depth = path.split("/").length - 1;
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue;
    depth += part === ".." ? -1 : 1;
    if (depth < 0) return false;
  }
  return true;
}

function refuse(shown: string, why: string): DomainError {
  return new DomainError("invalid", `the path ${shown} ${why}`, {
    hint: "give a path relative to the workspace, such as src/index.js",
  });
}
