import { parseFlags } from "../../kernel/flags.ts";
import { findHome } from "../../kernel/home.ts";
import { EXIT, type Command } from "../../kernel/io.ts";
import { VERSION } from "../../kernel/version.ts";
import { checkMachine } from "./checks.ts";
import { placeOf } from "./place.ts";

const HELP = `slipway doctor [--json]

Looks at this machine: Node, git, Docker, bubblewrap, the state folder, the port of --http, keys, MCP hosts. Says what
each missing part costs and how to mend it. Changes nothing, and never shows a key.

  --json       one JSON object: {"ok", "version", "checks": [{"name", "status", "detail", "costs", "fix"}]}
  --home DIR   state folder

Exit code 0: everything that Slipway cannot do without is there. 4: something is broken.`;

const MARKS = { ok: "✓", missing: "·", broken: "✗" } as const;

/** `slipway doctor`. */
export const doctorCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    { json: { type: "boolean" }, home: { type: "string" }, help: { type: "boolean", short: "h" } },
    0,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  const checks = await checkMachine({ place: placeOf(io), home, cwd: io.cwd });
  const ok = checks.every(({ status }) => status !== "broken");
  if (flags.has("json")) io.out(JSON.stringify({ ok, version: VERSION, checks }));
  else {
    const width = Math.max(...checks.map(({ name }) => name.length));
    for (const { name, status, detail, costs, fix } of checks) {
      io.out(`${MARKS[status]} ${name.padEnd(width)}  ${detail}`);
      const indent = " ".repeat(width + 4);
      if (costs !== undefined) io.out(`${indent}costs: ${costs}`);
      if (fix !== undefined) io.out(`${indent}fix: ${fix}`);
    }
  }
  return ok ? EXIT.done : EXIT.configuration;
};
