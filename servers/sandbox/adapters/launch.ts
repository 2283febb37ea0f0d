import { constants } from "node:os";
import type { Layout } from "./backend.ts";

/**
 * Enters the folder, refuses one outside the workspace, then becomes the program. A missing program shows by the
 * trap, because exit codes 126 and 127 may also be the program's own.
 */
const SCRIPT = `nonce=$1 root=$2
cd -P -- "$3" 2>/dev/null || { echo "$nonce bad_cwd" >&2; exit 126; }
case "$PWD/" in "$root"/*) ;; *) echo "$nonce bad_cwd" >&2; exit 126;; esac
shift 3
trap 'echo "$nonce not_found" >&2' EXIT
exec "$@"`;

/** The argument list that starts `argv` in `cwd` (relative to the workspace) under the launcher. */
export function launchArgv(
  layout: Layout,
  nonce: string,
  cwd: string,
  argv: readonly string[],
): readonly string[] {
  const reporter = layout.reporter === null ? [] : [...layout.reporter, `${nonce} time %U %S %M`];
  return [
    ...reporter,
    "/bin/sh",
    "-c",
    SCRIPT,
    "sh",
    nonce,
    layout.workspace,
    `${layout.workspace}/${cwd}`,
    ...argv,
  ];
}

/** What launcher and reporter said, taken out of the program's own stderr. */
export interface LaunchReport {
  readonly launch: "started" | "bad_cwd" | "not_found";
  readonly signal: string | null;
  readonly cpuMs: number | null;
  readonly peakMemoryBytes: number | null;
  readonly stderr: Buffer;
}

/** Reads the marks at the end of stderr. A program that forges them can only spoil the account of its own failure. */
export function readReport(
  stderr: Buffer,
  nonce: string,
  exitCode: number | null,
  reported: boolean,
): LaunchReport {
  const at = Math.max(0, stderr.length - 8_192);
  // Latin-1 keeps one character per byte, so positions in the text are positions in the bytes.
  let tail = stderr.toString("latin1", at);
  const time = new RegExp(
    `(?:Command (?:(?:terminated|stopped) by signal (\\d+)|exited with non-zero status \\d+)\\n)?${nonce} time (\\S+) (\\S+) (\\S+)\\n`,
  ).exec(tail);
  if (time !== null) tail = cut(tail, time);
  const mark = new RegExp(`${nonce} (bad_cwd|not_found)\\n`).exec(tail);
  if (mark !== null) tail = cut(tail, mark);
  const launch = mark?.[1] === "bad_cwd" ? "bad_cwd" : mark?.[1] === "not_found" ? "not_found" : "started";
  const seconds = Number(time?.[2]) + Number(time?.[3]);
  // The reporter prints the peak in pages read as kilobytes, four times too much.
  const peak = Number(time?.[4]) * 256;
  // Without a report the reporter itself was killed, which only a signal does.
  const number =
    time?.[1] ??
    (reported && time === null && exitCode !== null && exitCode > 128 ? String(exitCode - 128) : undefined);
  return {
    launch,
    signal: number === undefined ? null : signalName(Number(number)),
    cpuMs: Number.isFinite(seconds) ? Math.round(seconds * 1_000) : null,
    peakMemoryBytes: Number.isFinite(peak) ? peak : null,
    stderr: Buffer.concat([stderr.subarray(0, at), Buffer.from(tail, "latin1")]),
  };
}

function cut(text: string, match: RegExpExecArray): string {
  return text.slice(0, match.index) + text.slice(match.index + match[0].length);
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `SIG${number}`;
}
