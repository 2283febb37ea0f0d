import { KEEPER, TMP_MB, type Limits } from "./limits.ts";

export type Assurance = "enforced" | "none";

/** What holds in a sandbox, filled from what was seen inside it, not from what was asked for. */
export interface Guarantees {
  /** The host's files are out of reach, and everything but the workspace and the temporary directory is read-only. */
  readonly filesystem: Assurance;
  /** No network but the loopback of the sandbox. */
  readonly network: Assurance;
  /** Processes are unprivileged, unseen by others, and counted. */
  readonly processes: Assurance;
  readonly memory: Assurance;
  readonly cpu: Assurance;
  readonly disk: Assurance;
  /** `shared`: the host's kernel behind namespaces. */
  readonly kernel: "shared" | "none";
}

export const NO_GUARANTEES: Guarantees = {
  filesystem: "none",
  network: "none",
  processes: "none",
  memory: "none",
  cpu: "none",
  disk: "none",
  kernel: "none",
};

/** Printed by the attestation script inside a fresh sandbox, one `name=value` a line. */
export type Facts = ReadonlyMap<string, string>;

/** Reads the lines of the attestation script; the first mention of a name holds. */
export function parseFacts(text: string): Facts {
  const facts = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0 && !facts.has(line.slice(0, at))) facts.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  return facts;
}

/** Judges the facts against the limits that were asked for. What was not seen to hold is "none". */
export function guaranteesFrom(facts: Facts, limits: Limits): Guarantees {
  const is = (name: string, value: string): boolean => facts.get(name) === value;
  // Nothing, "max" and the -1 of an unset quota are no limits.
  const number = (name: string): number =>
    /^[1-9]\d*$/.test(facts.get(name) ?? "") ? Number(facts.get(name)) : Number.NaN;
  const assure = (holds: boolean): Assurance => (holds ? "enforced" : "none");
  const isUnprivileged =
    is("uid", "1000") &&
    /^0+$/.test(facts.get("cap_eff") ?? "") &&
    /^0+$/.test(facts.get("cap_bnd") ?? "") &&
    is("no_new_privs", "1");
  const isPrivate = is("root_writable", "no") && is("usr_writable", "no") && is("host_visible", "no");
  return {
    filesystem: assure(isPrivate),
    network: assure(is("interfaces", "lo")),
    processes: assure(
      isUnprivileged && number("pids_limit") <= limits.pids + KEEPER.pids && number("visible_processes") < 20,
    ),
    memory: assure(
      number("memory_limit") <= (limits.memoryMb + limits.diskMb + TMP_MB + KEEPER.memoryMb) * 1_048_576,
    ),
    cpu: assure(number("cpu_quota") / number("cpu_period") <= limits.cpu * 1.01),
    disk: assure(number("workspace_kb") <= limits.diskMb * 1_024),
    kernel: "shared",
  };
}
