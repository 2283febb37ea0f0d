import { rmSync } from "node:fs";
import { systemClock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/errors.ts";
import { parseFlags } from "../../kernel/flags.ts";
import { findHome } from "../../kernel/home.ts";
import { EXIT, type Command } from "../../kernel/io.ts";
import { findKept } from "./find.ts";
import { chooseGarbage } from "./retention.ts";
import { withEndedWorktrees } from "./worktrees.ts";

const DEFAULT_DAYS = 30;

const HELP = `slipway gc [--yes] [--keep-days N] [--max-mb N]

Says what of a state folder could go, and with --yes lets it go: old backups, stores that a restore put aside, copies
of host configurations, what dead runs left, and worktrees of this project whose lease has ended. The newest copy of
each thing stays, and so do unsaved work, branches, stores, events, keys and tokens.

  --yes           do it; without it nothing is changed
  --keep-days N   what is older goes, 0 to 3650 (${DEFAULT_DAYS})
  --max-mb N      then the oldest copies, until the rest takes no more than this
  --json          one JSON object for each thing
  --home DIR      state folder`;

/** `slipway gc`. */
export const gcCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    {
      yes: { type: "boolean", short: "y" },
      "keep-days": { type: "string" },
      "max-mb": { type: "string" },
      json: { type: "boolean" },
      home: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    0,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  const isReal = flags.has("yes");
  const mostMb = flags.number("max-mb", 0, 1e9);
  const rules = {
    now: systemClock(),
    keepDays: flags.int("keep-days", 0, 3_650) ?? DEFAULT_DAYS,
    mostBytes: mostMb === undefined ? undefined : mostMb * 1_000_000,
  };
  let bytes = 0;
  let isWhole = true;
  const tell = (what: Readonly<Record<string, string | number>>, words: string): void =>
    io.out(flags.has("json") ? JSON.stringify({ ...what, removed: isReal }) : words);
  for (const item of chooseGarbage(findKept(home), rules)) {
    if (isReal) rmSync(item.path, { recursive: true, force: true });
    bytes += item.bytes;
    const { path, kind, why } = item;
    tell({ path, kind, why, bytes: item.bytes }, `${megabytes(item.bytes)}  ${why.padEnd(11)}  ${path}`);
  }
  await withEndedWorktrees(home, io, async (ended) => {
    for (const { path, remove } of ended) {
      try {
        if (isReal) await remove();
        tell({ path, kind: "worktree", why: "lease ended", bytes: 0 }, `      -  lease ended  ${path}`);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        isWhole = false;
        io.err(`slipway: ${path} stays: ${error.message}`);
      }
    }
  });
  io.err(
    isReal
      ? `${megabytes(bytes).trim()} freed in ${home}`
      : `${megabytes(bytes).trim()} could go; nothing was changed, slipway gc --yes does it`,
  );
  return isWhole ? EXIT.done : EXIT.failed;
};

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1).padStart(7)} MB`;
}
