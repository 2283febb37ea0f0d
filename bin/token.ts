import { agentMark } from "../kernel/agent-shell.ts";
import { systemClock, toIso } from "../kernel/clock.ts";
import { DomainError } from "../kernel/errors.ts";
import { parseFlags } from "../kernel/flags.ts";
import { findHome } from "../kernel/home.ts";
import { EXIT, type Command } from "../kernel/io.ts";
import {
  DEFAULT_DAYS,
  issueToken,
  readIssued,
  revokeToken,
  rotateToken,
  tokensPath,
} from "../kernel/mcp/token-file.ts";
import { SCOPES } from "../kernel/mcp/tokens.ts";

const HELP = `slipway token list
slipway token create <name> [--scope read|work|admin] [--days N]
slipway token rotate <name> [--days N] [--overlap-s N]
slipway token revoke <name>

Bearer tokens for slipway serve --http. create and rotate print the secret once; only its digest is kept. Running
servers see a change at once. A person does this: the command refuses in an agent's shell.

  --scope S       read: tools that only read; work: what a task needs (default); admin: everything
  --days N        the token ends after N days, 1 to 366 (${DEFAULT_DAYS})
  --overlap-s N   rotate: the old secret goes on for so long (3600)
  --json          list: one JSON object a line
  --home DIR      state folder`;

/** `slipway token`. */
export const tokenCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    {
      scope: { type: "string" },
      days: { type: "string" },
      "overlap-s": { type: "string" },
      json: { type: "boolean" },
      home: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    2,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const [verb = "list", name] = flags.words;
  const path = tokensPath(findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd }));
  const now = systemClock();
  if (verb === "list") {
    for (const token of readIssued(path)) {
      const { scope, expiresAt } = token;
      const ends = toIso(expiresAt);
      const isLive = now < expiresAt;
      if (flags.has("json"))
        io.out(JSON.stringify({ name: token.name, scope, expires_at: ends, live: isLive }));
      else io.out(`${token.name.padEnd(20)} ${scope.padEnd(6)} ${isLive ? "until" : "ended"} ${ends}`);
    }
    return EXIT.done;
  }
  if (!["create", "rotate", "revoke"].includes(verb))
    throw new DomainError("invalid", `slipway token does not know "${verb}"`, {
      hint: "list, create, rotate or revoke",
    });
  if (agentMark(io.env) !== undefined)
    throw new DomainError("denied", "an agent may not give itself access", {
      hint: "a person can run this in a terminal of their own",
      retryable: false,
    });
  if (name === undefined || !/^[\w.@-]{1,60}$/.test(name))
    throw new DomainError("invalid", "a token needs a name of letters, digits, dots and dashes", {
      hint: `slipway token ${verb} <name>`,
    });
  if (verb === "revoke") {
    revokeToken(path, name);
    io.err(`${name} is let in no more`);
    return EXIT.done;
  }
  const days = flags.int("days", 1, 366) ?? DEFAULT_DAYS;
  if (verb === "rotate") {
    const overlapMs = (flags.int("overlap-s", 0, 86_400) ?? 3_600) * 1_000;
    io.out(rotateToken(path, name, { days, overlapMs }, now));
    io.err(`${name} has this secret for ${days} days; the old one ends in ${overlapMs / 1_000} s`);
    return EXIT.done;
  }
  const given = flags.text("scope") ?? "work";
  const scope = SCOPES.find((known) => known === given);
  if (scope === undefined)
    throw new DomainError("invalid", `there is no scope "${given}"`, { hint: `one of ${SCOPES.join(", ")}` });
  io.out(issueToken(path, { name, scope, days }, now));
  io.err(
    `${name} may ${scope === "admin" ? "do everything" : scope} for ${days} days; this secret is shown once`,
  );
  return EXIT.done;
};
