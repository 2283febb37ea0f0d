import { DomainError } from "../../../kernel/errors.ts";
import { BACKENDS, type Backend, type BackendName } from "./backend.ts";

/** The backends of one server, in the order of preference. */
export interface Backends {
  /**
   * The backends that work here, best first; only `wanted` where one is named. Nothing is probed before the first
   * call, and what was found is believed for a short time.
   *
   * @throws {DomainError} unavailable when none works, denied for an unisolated one that nobody allowed.
   */
  usable(wanted: BackendName | undefined): Promise<readonly Backend[]>;
  /** The backend that an existing sandbox lives on. */
  of(name: BackendName): Backend;
  /** Every backend there is, working or not. */
  readonly all: readonly Backend[];
}

const TITLES: Readonly<Record<BackendName, string>> = {
  docker: "Docker",
  bubblewrap: "bubblewrap",
  unisolated: "unisolated",
};
const BELIEVED_MS = 60_000;
const DOUBTED_MS = 5_000;

interface Finding {
  readonly at: number;
  readonly problem: { readonly reason: string; readonly hint: string } | null;
}

/** @param backends Without `unisolated` unless a person allowed it when the server was started. */
export function openBackends(
  backends: Readonly<Partial<Record<BackendName, Backend>>>,
  monotonic: () => number,
): Backends {
  const findings = new Map<BackendName, Finding>();
  const inspect = async (backend: Backend): Promise<Finding> => {
    const known = findings.get(backend.name);
    const now = monotonic();
    if (known !== undefined && now - known.at < (known.problem === null ? BELIEVED_MS : DOUBTED_MS))
      return known;
    const probe = await backend.probe();
    const finding: Finding = {
      at: now,
      problem: probe.ok ? null : { reason: probe.reason, hint: probe.hint },
    };
    findings.set(backend.name, finding);
    return finding;
  };
  const all = BACKENDS.flatMap((name) => backends[name] ?? []);
  return {
    all,
    of(name) {
      const backend = backends[name];
      if (backend === undefined) throw notAllowed();
      return backend;
    },
    async usable(wanted) {
      if (wanted === "unisolated" && backends.unisolated === undefined) throw notAllowed();
      const usable: Backend[] = [];
      const problems: string[] = [];
      const hints: string[] = [];
      const asked = all.filter((backend) => wanted === undefined || backend.name === wanted);
      const found = await Promise.all(
        asked.map(async (backend) => ({ backend, ...(await inspect(backend)) })),
      );
      for (const { backend, problem } of found) {
        if (problem === null) usable.push(backend);
        else {
          problems.push(`${TITLES[backend.name]}: ${problem.reason}`);
          hints.push(problem.hint);
        }
      }
      if (usable.length > 0) return usable;
      throw new DomainError("unavailable", `nothing here can isolate commands (${problems.join("; ")})`, {
        hint: `one of: ${hints.join("; or ")}`,
        retryable: false,
      });
    },
  };
}

function notAllowed(): DomainError {
  return new DomainError("denied", "running without isolation is not allowed here", {
    hint: "install docker.io or bubblewrap; only a person can allow it, by starting the server with --allow-unisolated",
    retryable: false,
  });
}
