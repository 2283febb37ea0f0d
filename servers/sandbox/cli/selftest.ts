import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { findHome } from "../../../kernel/home.ts";
import { idSource } from "../../../kernel/ids.ts";
import { EXIT, type Command, type Io } from "../../../kernel/io.ts";
import { silentLog } from "../../../kernel/log.ts";
import { systemClock } from "../../../kernel/clock.ts";
import { cleanText, clipText } from "../../../kernel/text.ts";
import { abuse, ABUSE_LIMITS, type Verdict } from "../adapters/abuse.ts";
import { withBait } from "../adapters/abuse-bait.ts";
import { attest } from "../adapters/attest.ts";
import { BACKENDS, type Backend } from "../adapters/backend.ts";
import { readSandboxConfig } from "../config.ts";
import { backendsOf } from "../main.ts";

const HELP = `slipway sandbox selftest [--backend docker|bubblewrap] [--json]

Attacks a fresh sandbox on this machine with what hostile programs and callers try, and reports what held. Takes
about half a minute for each backend. Every attempt is harmless where it gets through.

  --backend NAME   this backend only; without it, every one that works here
  --json           one JSON line for each attempt, and one for each backend

Exit code 0: every promise that the sandboxes give was kept. 1: one was broken. 4: nothing here can isolate.`;

/** `slipway sandbox selftest`: the abuse suite on the user's own machine. */
export const selftestCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    {
      home: { type: "string" },
      backend: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    0,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const wanted = BACKENDS.find((name) => name === flags.text("backend"));
  if (flags.text("backend") !== undefined && (wanted === undefined || wanted === "unisolated"))
    throw new DomainError("invalid", "--backend takes docker or bubblewrap", {
      hint: "an unisolated sandbox promises nothing that could be tested",
    });
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  const config = readSandboxConfig({ home, env: io.env, cwd: io.cwd, log: silentLog });
  const folder = mkdtempSync(join(tmpdir(), "slipway-selftest-"));
  try {
    const key = (): Uint8Array => randomBytes(32);
    const owner = key();
    const backends = backendsOf({ ...config, folder, allowUnisolated: false }, newNonce, () => owner);
    let isKept = true;
    for (const backend of await backends.usable(wanted))
      isKept = (await attack(backend, io, flags.has("json"))) && isKept;
    return isKept ? EXIT.done : EXIT.failed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const newNonce = (): string => randomBytes(8).toString("hex");

/** Whether every promise was kept. */
async function attack(backend: Backend, io: Io, isJson: boolean): Promise<boolean> {
  const id = idSource(systemClock)("sbx");
  if (!isJson) io.out(`${backend.name}:`);
  const ref = await backend.create({ id, limits: ABUSE_LIMITS, ttlS: 600 }, (message) => io.err(message));
  try {
    const deps = { nonce: newNonce, monotonic: () => performance.now(), clock: systemClock };
    const guarantees = await attest(backend, ref, deps);
    const verdicts: Verdict[] = [];
    await withBait(newNonce(), (bait) =>
      abuse({ backend, ref, deps, bait }, guarantees, (verdict) => {
        verdicts.push(verdict);
        io.out(isJson ? jsonLine(backend, verdict) : textLine(verdict));
      }),
    );
    const count = (state: State): number => verdicts.filter((verdict) => stateOf(verdict) === state).length;
    const summary = {
      backend: backend.name,
      tried: verdicts.length,
      held: count("held"),
      not_promised: count("not promised"),
      broken: count("BROKEN"),
    };
    io.out(
      isJson
        ? JSON.stringify({ type: "selftest.finished", ...summary, guarantees })
        : `${summary.held} of ${summary.tried} held, ${summary.not_promised} not promised here, ${summary.broken} broken`,
    );
    return summary.broken === 0;
  } finally {
    await backend.destroy(ref);
  }
}

type State = "held" | "not promised" | "BROKEN";

function stateOf({ saw, isPromised }: Verdict): State {
  if (saw !== null) return "BROKEN";
  return isPromised ? "held" : "not promised";
}

function textLine(verdict: Verdict): string {
  const state = stateOf(verdict);
  const seen =
    verdict.saw === null ? "" : `  (saw: ${clipText(cleanText(verdict.saw).replaceAll("\n", " "), 200)})`;
  return `  ${state.padEnd(13)} ${verdict.title}${state === "BROKEN" ? seen : ""}`;
}

function jsonLine(backend: Backend, verdict: Verdict): string {
  return JSON.stringify({
    type: "selftest.attempt",
    backend: backend.name,
    title: verdict.title,
    state: stateOf(verdict).toLowerCase().replace(" ", "_"),
    saw: verdict.saw === null ? null : clipText(cleanText(verdict.saw), 1_000),
  });
}
