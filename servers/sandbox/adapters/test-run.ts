import { z } from "zod";
import type { ProjectFacts } from "../domain/test-command.ts";
import { readArchive, type ArchiveLimits } from "./archive.ts";
import type { Backend, SandboxRef } from "./backend.ts";
import { runScript } from "./files.ts";

/**
 * Makes the folder of a run, runs the command, and puts what it prints into the report where the tool writes none.
 * A folder that is there already would not be ours, and no report in it fresh.
 */
const RUN = `mkdir -m 700 -- "$1" || exit 125
if [ "$3" = printed ]; then exec /bin/sh -c "$2" > "$1/report"; fi
exec /bin/sh -c "$2"`;

/** The argument list that runs a test command and has its report written into this folder. */
export function testArgv(folder: string, script: string, isPrinted: boolean): readonly string[] {
  return ["/bin/sh", "-c", RUN, "sh", folder, script, isPrinted ? "printed" : "written"];
}

const FACTS = `cd -P -- "$1" || exit 4
for name in * .[!.]*; do [ -e "$name" ] && printf '%s\\n' "$name"; done | head -n 2000
echo /
[ -f package.json ] && head -c 1000000 package.json
exit 0`;

const Manifest = z.object({ scripts: z.record(z.string(), z.string()).default({}) });

/** Looks at what a project says about its tests. A package.json that cannot be read says nothing. */
export async function readProject(backend: Backend, ref: SandboxRef): Promise<ProjectFacts> {
  const { stdout } = await runScript(backend, ref, FACTS, [backend.layout(ref).workspace]);
  const text = stdout.toString("utf8");
  const end = text.indexOf("\n/\n");
  const names = text.slice(0, Math.max(end, 0)).split("\n");
  return { names, scripts: scriptsIn(text.slice(end + 3)) };
}

function scriptsIn(text: string): ProjectFacts["scripts"] {
  try {
    const manifest = Manifest.safeParse(JSON.parse(text));
    return manifest.success ? manifest.data.scripts : null;
  } catch {
    return null;
  }
}

// The job may have put a link in the folder's place; its real path tells.
const COLLECT = `cd -P -- "$1" 2>/dev/null || exit 0
[ "$PWD" = "$1" ] && tar -c -f - .
cd / && rm -rf -- "$1"`;

const LIMITS: ArchiveLimits = { maxBytes: 96 * 1_048_576, maxEntries: 10_000, maxFileBytes: 64 * 1_048_576 };

/** What a run left in its folder; the folder is gone afterwards. */
export interface Leavings {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Too large to be read. */
  readonly skipped: readonly string[];
}

/** @throws {DomainError} limit when it is too much, invalid_state when it cannot be read. */
export async function collectLeavings(backend: Backend, ref: SandboxRef, folder: string): Promise<Leavings> {
  const files = new Map<string, Uint8Array>();
  const reader = await readArchive(LIMITS, (entry) => {
    if (entry.kind === "file") files.set(entry.path, entry.content);
  });
  await runScript(backend, ref, COLLECT, [folder], undefined, (chunk) => reader.push(chunk));
  const { skipped } = await reader.finish();
  return { files, skipped: skipped.map(({ path }) => path) };
}
