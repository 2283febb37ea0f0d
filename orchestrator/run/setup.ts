import { mkdir, rename, writeFile } from "node:fs/promises";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../../kernel/canonical-json.ts";
import { DomainError } from "../../kernel/errors.ts";
import { clipText } from "../../kernel/text.ts";
import type { RunContext } from "./context.ts";
import { withSandbox, type SandboxSession } from "./sandbox-session.ts";

/** Files whose content decides what an installation brings. */
const LOCKFILES = [
  "package-lock.json",
  "npm-shrinkwrap.json",
  "pnpm-lock.yaml",
  "yarn.lock",
  "requirements.txt",
  "uv.lock",
  "poetry.lock",
  "Cargo.lock",
  "go.sum",
];

const SETUP_TIMEOUT_S = 900;

/** What to run before any work, and the digest of everything it depends on. */
export interface Setup {
  readonly command: string;
  readonly digest: string;
  /** Found by us rather than given: its failure is told, not fatal. */
  readonly isGuess: boolean;
}

/** Works out the setup of a checkout: the plan's command, else what its npm lockfile asks for, else none. */
export function findSetup(dir: string, given: string | undefined): Setup | null {
  const locks = readdirSync(dir).filter((name) => LOCKFILES.includes(name));
  const command =
    given ?? (needsNpm(dir, locks) ? "npm ci --ignore-scripts --no-audit --no-fund" : undefined);
  if (command === undefined) return null;
  const content = locks.sort().map((name) => [name, readFileSync(join(dir, name), "utf8")]);
  return { command, digest: digestOf({ command, content }), isGuess: given === undefined };
}

function needsNpm(dir: string, locks: readonly string[]): boolean {
  if (!locks.includes("package-lock.json") || !existsSync(join(dir, "package.json"))) return false;
  const manifest: unknown = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
  if (manifest === null || typeof manifest !== "object") return false;
  const wants = Object.entries(manifest).filter(
    ([key]) => key === "dependencies" || key === "devDependencies",
  );
  return wants.some(
    ([, value]) => value !== null && typeof value === "object" && Object.keys(value).length > 0,
  );
}

/**
 * Runs the setup once per digest and keeps what it made as a patch file in the state folder. Returns that file, or ""
 * where there is nothing to set up.
 *
 * @throws {DomainError} invalid_state when a setup that was asked for fails.
 */
export async function prepareSetup(
  run: RunContext,
  home: string,
  given: string | undefined,
): Promise<string> {
  const tree = run.options.target_commit;
  const checkout = await run.files.checkOut(run.options.repo, tree, "");
  let setup: Setup | null;
  try {
    setup = findSetup(checkout.dir, given);
  } finally {
    await checkout.remove();
  }
  if (setup === null) return "";
  const file = join(home, "setups", `${setup.digest}.patch`);
  if (existsSync(file)) return file;
  await run.journal.emit("phase.started", { phase: "setup", command: setup.command });
  const made = await withSandbox(run, `${run.journal.runId}-setup`, { tree, overlay: "" }, (session) =>
    runSetup(run, setup, session),
  );
  if (made === null) return "";
  await mkdir(join(home, "setups"), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.${process.pid}`, made);
  await rename(`${file}.${process.pid}`, file);
  return file;
}

/** What the setup made, as a patch; null where one that nobody asked for failed. */
async function runSetup(run: RunContext, setup: Setup, session: SandboxSession): Promise<string | null> {
  const { outcome, exitCode, output } = await session.run(setup.command, SETUP_TIMEOUT_S, run.signal);
  // Installed packages are what a setup is for, and git usually ignores them.
  if (outcome === "exited" && exitCode === 0) return session.exportPatch({ withIgnored: true });
  const reason = `setup "${setup.command}": ${outcome}${exitCode === null ? "" : ` ${exitCode}`}`;
  if (!setup.isGuess) throw new DomainError("invalid_state", reason, { hint: clipText(output, 1_000) });
  await run.journal.emit("gate.not_available", { task: "", attempt: 0, gate: "setup", reasons: [reason] });
  return null;
}
