import { EXIT, type Command } from "../../../../kernel/io.ts";
import { approve, deny } from "../../../../servers/decision/cli/answer.ts";
import { approvals } from "../../../../servers/decision/cli/approvals.ts";

// Started by the tests as a process of its own, because a controlling terminal belongs to a process.
const COMMANDS: Readonly<Record<string, Command>> = { approve, deny, approvals };

const [verb = "", ...argv] = process.argv.slice(2);
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
process.exitCode =
  (await COMMANDS[verb]?.(argv, {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    env: process.env,
    cwd: process.cwd(),
    terminal: undefined,
    signal: interrupted.signal,
  })) ?? EXIT.usage;
