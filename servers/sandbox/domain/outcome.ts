/** How a command ended. `running` is the answer to a call that did not wait for the end. */
export const OUTCOMES = [
  "exited",
  "signaled",
  "timeout",
  "oom",
  "pids",
  "disk",
  "output_cap",
  "cancelled",
  "not_found",
  "bad_cwd",
  "sandbox_dead",
  "backend_down",
  "running",
] as const;

export type Outcome = (typeof OUTCOMES)[number];

/** Why we ended a command before it ended itself. */
export type Stop = "timeout" | "cancelled" | "output_cap";

/** What was observed from outside the program. Nothing the program printed is evidence. */
export interface Evidence {
  readonly stopped: Stop | null;
  /** How far the launcher came: it reports a missing folder or program itself, before the program could speak. */
  readonly launch: "started" | "bad_cwd" | "not_found";
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Processes of this sandbox the kernel killed for memory while the command ran. */
  readonly oomKills: number;
  /** Forks the kernel refused because of the process limit while the command ran. */
  readonly forksRefused: number;
  /** The sandbox itself is still there. */
  readonly alive: boolean;
}

export interface Ending {
  readonly outcome: Exclude<Outcome, "running" | "backend_down" | "disk">;
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/**
 * Classifies an ending. Exit codes alone prove nothing: a program may exit 137 by itself, and memory pressure is
 * known from the kernel's counter only. A command that succeeded in spite of a killed child counts as exited.
 */
export function classify(evidence: Evidence): Ending {
  const { exitCode, signal } = evidence;
  if (evidence.stopped !== null) return { outcome: evidence.stopped, exitCode: null, signal: null };
  if (!evidence.alive) return { outcome: "sandbox_dead", exitCode: null, signal: null };
  if (evidence.launch !== "started") return { outcome: evidence.launch, exitCode: null, signal: null };
  if (exitCode === 0) return { outcome: "exited", exitCode, signal: null };
  if (evidence.oomKills > 0) return { outcome: "oom", exitCode, signal };
  if (evidence.forksRefused > 0) return { outcome: "pids", exitCode, signal };
  if (signal !== null) return { outcome: "signaled", exitCode: null, signal };
  if (exitCode === null) return { outcome: "sandbox_dead", exitCode: null, signal: null };
  return { outcome: "exited", exitCode, signal: null };
}
