import { realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { systemClock, toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { readOwnCode, type OwnCode } from "../../../kernel/git/own-code.ts";
import { gitOutside, openGit, type GitContext } from "../../../kernel/git/open.ts";
import type { GitPlace } from "../../../kernel/git/run.ts";
import { findHome, mainWorktree } from "../../../kernel/home.ts";
import { EXIT, type Command, type Io } from "../../../kernel/io.ts";
import { silentLog } from "../../../kernel/log.ts";
import { openRoots } from "../../../kernel/roots.ts";
import { openControllingTerminal, type OpenTerminal } from "../../../kernel/terminal.ts";
import { cleanText } from "../../../kernel/text.ts";
import { readGitConfig } from "../config.ts";
import { openGitStore } from "../store/sqlite.ts";
import type { GitStore } from "../store/store.ts";

const HELP = `slipway git trust PATH | --list | --revoke PATH   [--home DIR]
Lets a repository run its own hooks, filters and signing program, after you have seen what it has and typed the start of
its digest at the terminal. A later change of its configuration, of what that includes, or of a hook ends the trust.`;

const TYPED_CHARACTERS = 8;

/** Trusts a repository, at the controlling terminal only; lists and ends trusts. */
export const trustCommand: Command = trustCommandWith(openControllingTerminal);

/** `openTerminal` is what decides who counts as a person. */
export function trustCommandWith(openTerminal: OpenTerminal): Command {
  return async (argv, io) => {
    const flags = parseFlags(
      argv,
      {
        home: { type: "string" },
        list: { type: "boolean" },
        revoke: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
      1,
    );
    if (flags.has("help")) {
      io.out(HELP);
      return EXIT.done;
    }
    const [path] = flags.words;
    if (path === undefined ? !flags.has("list") : flags.has("list"))
      throw new DomainError("invalid", "give a repository, or --list", { hint: "slipway git trust PATH" });
    const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
    const config = readGitConfig({ home, env: io.env, cwd: io.cwd, log: silentLog });
    const store = openGitStore(config.database, systemClock);
    try {
      const nowhere = gitOutside({ directory: "/", path: config.path, home: "/dev/null" });
      if (path === undefined) return await list(store, io, nowhere);
      const repo = resolve(io.cwd, path);
      if (flags.has("revoke")) {
        const named = await trustedBy(store, repo);
        if (named !== undefined) return await revoke(store, io, named);
      }
      // Trusted for the length of this look only, in which nothing of the repository runs.
      const git = await openGit({
        roots: openRoots([mainWorktree(repo) ?? repo, repo]),
        repo,
        path: config.path,
        home: "/dev/null",
        isTrusted: () => true,
      });
      return flags.has("revoke")
        ? await revoke(store, io, git.commonDir)
        : await converse(store, io, git, openTerminal);
    } finally {
      store.close();
    }
  };
}

/** The trusted repository that a path names, found without opening it: it may be damaged, or gone. */
async function trustedBy(store: GitStore, path: string): Promise<string | undefined> {
  const real = await realpath(path).catch(() => path);
  const names = new Set([path, real].flatMap((folder) => [folder, join(folder, ".git")]));
  const trusts = await store.read((tx) => tx.trusted());
  return trusts.find(({ repo }) => names.has(repo))?.repo;
}

async function list(store: GitStore, io: Io, place: GitPlace): Promise<number> {
  const trusts = await store.read((tx) => tx.trusted());
  for (const { repo, digest, by, at } of trusts) {
    const isAsThen = (await readOwnCode(place, repo)).digest === digest;
    io.out(
      `${cleanText(repo)}  by ${by} at ${toIso(at)}${isAsThen ? "" : "  changed since: not trusted any more"}`,
    );
  }
  if (trusts.length === 0) io.err("no repository is trusted");
  return EXIT.done;
}

async function revoke(store: GitStore, io: Io, repo: string): Promise<number> {
  const isGone = await store.write({ principal: { id: "local" }, once: undefined }, (tx) =>
    tx.distrust(repo),
  );
  io.err(isGone ? `${repo} is no longer trusted` : `${repo} was not trusted`);
  return EXIT.done;
}

async function converse(
  store: GitStore,
  io: Io,
  git: GitContext,
  openTerminal: OpenTerminal,
): Promise<number> {
  const terminal = openTerminal(io);
  try {
    const { commonDir } = git;
    const code = await readOwnCode({ ...git, directory: "/" }, commonDir);
    for (const line of describe(commonDir, code)) terminal.say(line);
    const typed = await terminal.ask(
      `type the first ${TYPED_CHARACTERS} characters of the digest to trust it, anything else to leave: `,
      io.signal,
    );
    if (io.signal.aborted) return EXIT.interrupted;
    if (typed?.trim().toLowerCase() !== code.digest.slice(0, TYPED_CHARACTERS))
      throw new DomainError("conflict", "that is not the start of the digest: nothing was changed", {
        hint: "run the command again",
      });
    const by = `user:${terminal.user}`;
    // What was shown is what is trusted: a change in between makes another digest.
    await store.write({ principal: { id: by }, once: undefined }, (tx) =>
      tx.trust({ repo: commonDir, digest: code.digest, by, at: systemClock() }),
    );
    io.err(`${commonDir} is trusted by ${by} until its configuration or a hook changes`);
    return EXIT.done;
  } finally {
    terminal.close();
  }
}

function describe(commonDir: string, { files, digest }: OwnCode): readonly string[] {
  return [
    `repository  ${cleanText(commonDir)}`,
    "A trusted repository runs its own hooks, filters, drivers and signing program as you, whenever an agent works in it.",
    "Read these files before you go on:",
    ...files.map((file) => `  ${cleanText(file)}`),
    "What they point at (core.hooksPath, programs) is yours to read too: a change there ends no trust.",
    `digest  ${digest}`,
  ];
}
