import { z } from "zod";
import type { PlannedRun, PlannedTask } from "../run/context.ts";
import { commandOf } from "./acceptance.ts";
import { harnessPaths, protectedPaths, scriptsOf } from "./tamper.ts";

/**
 * What a change did to the ground its own proof stands on, as reasons against it; empty where it did nothing. The
 * proof is about one tree, so the change must also be exactly what would land: a commit on top of its base.
 */
export async function tampering(
  run: PlannedRun,
  task: PlannedTask,
  change: { readonly base: string; readonly commit: string },
  changed: readonly string[],
): Promise<readonly string[]> {
  const { files, options } = run;
  const acceptance = task.acceptance ?? [];
  const reasons = protectedPaths(acceptance, changed).map(
    (path) => `${path} is protected by the acceptance of this task`,
  );
  if (!(await files.isAncestor(options.repo, change.base, change.commit))) {
    reasons.push(`the work does not build on ${change.base.slice(0, 10)}, where it began`);
  }
  if (
    change.commit !== change.base &&
    (await files.isAncestor(options.repo, change.commit, `refs/heads/${options.target}`))
  ) {
    reasons.push(
      `the work is on ${options.target} already, before it was judged: look at it, and reset ${options.target} to ${change.base.slice(0, 10)} if it should not be there`,
    );
  }
  if (acceptance.length === 0) return reasons;
  reasons.push(
    ...harnessPaths(task.paths ?? [], changed).map(
      (path) =>
        `${path} decides what the acceptance runs; a task that should change it names it in its paths`,
    ),
  );
  const scripts = acceptance.flatMap((item) => scriptsOf(commandOf(item)));
  if (scripts.length > 0 && changed.includes("package.json")) {
    const [before, after] = await Promise.all(
      [change.base, change.commit].map(async (commit) =>
        scriptsIn(await files.textOf(options.repo, commit, "package.json")),
      ),
    );
    for (const name of new Set(scripts))
      if (before?.[name] !== after?.[name])
        reasons.push(`the script "${name}" of package.json is run by the acceptance and was changed`);
  }
  return reasons;
}

const Manifest = z.looseObject({ scripts: z.record(z.string(), z.unknown()).optional() });

function scriptsIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return Manifest.parse(JSON.parse(text)).scripts ?? {};
  } catch {
    // What npm cannot read has no scripts; the acceptance then fails by itself.
    return {};
  }
}
