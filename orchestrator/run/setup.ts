import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../../kernel/canonical-json.ts";
import { DomainError } from "../../kernel/errors.ts";
import { clipText } from "../../kernel/text.ts";
import type { RunContext } from "./context.ts";
import { findSetupCommand, SETUP_FILES } from "./find-setup.ts";
import { Prepared } from "./prepared.ts";
import { withSandbox, type SandboxSession, type Start } from "./sandbox-session.ts";

const SETUP_TIMEOUT_S = 1_800;

/** A snapshot lasts a day; one that is used must last as long as a run, too. */
const FRESH_MS = 12 * 3_600_000;

/** Hosts that a setup may reach. What the sandbox server does not allow, it refuses. */
const REGISTRIES = [
  "registry.npmjs.org",
  "registry.yarnpkg.com",
  "pypi.org",
  "files.pythonhosted.org",
  "proxy.golang.org",
  "sum.golang.org",
  "index.crates.io",
  "static.crates.io",
];

/** What to run before any work, and the digest of everything it depends on. */
interface Setup {
  readonly command: string;
  readonly digest: string;
  /** Found by us rather than given: its failure is told, not fatal. */
  readonly isGuess: boolean;
}

/** Works out the setup of a checkout: the given command, else what its lockfiles ask for, else none. */
function setupOf(dir: string, given: string | undefined): Setup | null {
  const files = new Map(
    SETUP_FILES.filter((name) => existsSync(join(dir, name))).map((name) => [
      name,
      readFileSync(join(dir, name), "utf8"),
    ]),
  );
  const command = given ?? findSetupCommand(files);
  if (command === null) return null;
  return { command, digest: digestOf({ command, content: [...files] }), isGuess: given === undefined };
}

/**
 * Runs the setup once per digest, with a door to package registries and nothing else, and keeps what it made as a
 * snapshot that later sandboxes begin with, without any network. Null where there is nothing to set up.
 *
 * @throws {DomainError} invalid_state when a setup that was asked for fails.
 */
export async function prepareSetup(
  run: RunContext,
  home: string,
  given: string | undefined,
): Promise<Prepared | null> {
  const tree = run.options.target_commit;
  const checkout = await run.files.checkOut(run.options.repo, tree);
  let setup: Setup | null;
  try {
    setup = setupOf(checkout.dir, given);
  } finally {
    await checkout.remove();
  }
  if (setup === null) return null;
  const file = join(home, "setups", `${setup.digest}.json`);
  const known = await readPrepared(file);
  if (known !== null && known.made_at > run.clock() - FRESH_MS) return known;
  await run.journal.emit("phase.started", { phase: "setup", command: setup.command });
  const made = await makeSetup(run, setup);
  if (made === null) return null;
  await mkdir(join(home, "setups"), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.${process.pid}`, JSON.stringify(made));
  await rename(`${file}.${process.pid}`, file);
  return made;
}

async function readPrepared(file: string): Promise<Prepared | null> {
  if (!existsSync(file)) return null;
  try {
    return Prepared.safeParse(JSON.parse(await readFile(file, "utf8"))).data ?? null;
  } catch {
    return null;
  }
}

/** Tries with a door first; where no backend has one, what is in the repository itself may do. */
async function makeSetup(run: RunContext, setup: Setup): Promise<Prepared | null> {
  const name = `${run.journal.runId}-setup`;
  const start: Start = { tree: run.options.target_commit, prepared: null };
  const work = (session: SandboxSession): Promise<Prepared | null> => runSetup(run, setup, session);
  try {
    return await withSandbox(run, name, { ...start, hosts: REGISTRIES }, work);
  } catch (error) {
    if (!(error instanceof DomainError && error.code === "unavailable")) throw error;
    run.log("warn", "the setup has no network", { error: error.message });
    return withSandbox(run, name, start, work);
  }
}

/** What the setup made; null where one that nobody asked for failed. */
async function runSetup(run: RunContext, setup: Setup, session: SandboxSession): Promise<Prepared | null> {
  const { outcome, exitCode, output } = await session.run(
    onlyProducts(setup.command),
    SETUP_TIMEOUT_S,
    run.signal,
  );
  if (outcome === "exited" && exitCode === 0)
    return { snapshot: await session.snapshot(), backend: session.backend, made_at: run.clock() };
  const reason = `setup "${setup.command}": ${outcome}${exitCode === null ? "" : ` ${exitCode}`}`;
  if (!setup.isGuess) throw new DomainError("invalid_state", reason, { hint: clipText(output, 1_000) });
  await run.journal.emit("gate.not_available", {
    task: "",
    attempt: 0,
    gate: "setup",
    reasons: [reason, clipText(output, 500)],
  });
  return null;
}

/** Runs a command and leaves nothing behind but what it made: what was there before comes from the tree under test. */
function onlyProducts(command: string): string {
  return `set -e
before=$PWD/.slipway-setup
mkdir -p "$before/tmp"
find . -path ./.slipway-setup -prune -o \\( -type f -o -type l \\) -print0 > "$before/list"
export TMPDIR="$before/tmp" npm_config_cache="$before/npm" XDG_CACHE_HOME="$before/cache" PIP_NO_CACHE_DIR=1
export PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore
/bin/sh -c '${command.replaceAll("'", `'\\''`)}'
xargs -0 rm -f -- < "$before/list"
chmod -R u+w "$before"
rm -rf "$before"`;
}
