import { matchesPath } from "../../kernel/glob.ts";
import type { PlanAcceptance } from "../plan/plan.ts";

/** Files the acceptance of a task rests on and that its work may therefore not touch. */
export function protectedPaths(
  acceptance: readonly PlanAcceptance[],
  changed: readonly string[],
): readonly string[] {
  const globs = acceptance.flatMap((item) => ("tests" in item ? (item.protect ?? []) : []));
  return matching(globs, changed);
}

/** Changed files outside the paths a task declared; none when it declared none. */
export function undeclaredPaths(paths: readonly string[], changed: readonly string[]): readonly string[] {
  if (paths.length === 0) return [];
  const inside = new Set(matching(paths, changed));
  return changed.filter((path) => !inside.has(path));
}

/** Files that decide what a command runs, whatever the code under it says. */
const HARNESS = [
  "**/{node_modules,.venv,venv,.local}/**",
  "**/{.npmrc,.yarnrc,.yarnrc.yml,.pnpmfile.cjs}",
  "**/{vitest,vite,jest,ava,tap,karma,playwright}.config.*",
  "**/{.mocharc*,.taprc,.nycrc*,.c8rc*,pytest.ini,tox.ini,conftest.py}",
];

/** Changed files that decide what the acceptance runs, unless the task names them among its paths one by one. */
export function harnessPaths(paths: readonly string[], changed: readonly string[]): readonly string[] {
  const named = new Set(paths.map((path) => path.toLowerCase()));
  return matching(HARNESS, changed).filter((path) => !named.has(path.toLowerCase()));
}

/** The scripts of a package.json that a command runs by name, with those npm runs around them. */
export function scriptsOf(command: string): readonly string[] {
  const names = [
    ...command.matchAll(
      /\b(?:npm|pnpm|yarn|bun)\s+(?:-\S+\s+)*(?:run(?:-script)?\s+)?(?:-\S+\s+)*([\w:.-]+)/gu,
    ),
  ].map(([, name = ""]) => (name === "t" || name === "tst" ? "test" : name));
  return names.flatMap((name) => [name, `pre${name}`, `post${name}`]);
}

function matching(globs: readonly string[], paths: readonly string[]): readonly string[] {
  return paths.filter((path) => globs.some((glob) => matchesPath(path, glob)));
}
