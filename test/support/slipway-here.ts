import { program } from "../../bin/program.ts";
import { NO_DOCKER, type Ended, type SlipwayOptions } from "./slipway-process.ts";

/**
 * Runs the command line inside this process: the same words, lines and exit codes as `slipway` has, without a start.
 * Nothing here can be killed or sent a signal, and stdin is the test's.
 */
export async function slipwayHere(
  argv: readonly string[],
  options: Pick<SlipwayOptions, "cwd" | "env"> = {},
): Promise<Ended> {
  const out: string[] = [];
  const err: string[] = [];
  const lines = (list: string[]) => (line: string) => void list.push(...line.split("\n"));
  const code = await program(argv, {
    out: lines(out),
    err: lines(err),
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      ...NO_DOCKER,
      ...options.env,
    },
    cwd: options.cwd ?? process.cwd(),
    terminal: undefined,
    signal: new AbortController().signal,
  });
  return { code, signal: null, out, err };
}
