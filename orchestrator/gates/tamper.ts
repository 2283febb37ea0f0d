import { matchesGlob } from "node:path/posix";
import type { PlanAcceptance } from "../plan/plan.ts";

/** Files the acceptance of a task rests on and that its work may therefore not touch. */
export function protectedPaths(acceptance: readonly PlanAcceptance[], changed: readonly string[]): readonly string[] {
  const globs = acceptance.flatMap((item) => ("tests" in item ? (item.protect ?? []) : []));
  return matching(globs, changed);
}

/** Changed files outside the paths a task declared; none when it declared none. */
export function undeclaredPaths(paths: readonly string[], changed: readonly string[]): readonly string[] {
  if (paths.length === 0) return [];
  const inside = new Set(matching(paths, changed));
  return changed.filter((path) => !inside.has(path));
}

function matching(globs: readonly string[], paths: readonly string[]): readonly string[] {
  // A glob without a wildcard may also name a folder.
  return paths.filter((path) => globs.some((glob) => matchesGlob(path, glob) || path.startsWith(`${glob.replace(/\/+$/, "")}/`)));
}
