import type { Clock } from "../../kernel/clock.ts";
import type { NewId } from "../../kernel/ids.ts";
import type { Jobs } from "../../kernel/jobs.ts";
import type { Log } from "../../kernel/log.ts";
import type { Roots } from "../../kernel/roots.ts";
import type { Writer } from "../../kernel/store.ts";
import type { Backends } from "./adapters/choose.ts";
import type { PatchSettings } from "./adapters/patch.ts";
import type { SandboxStore } from "./store/sandbox-store.ts";
import type { LiveLogs } from "./adapters/live-log.ts";
import type { Tally } from "./domain/tally.ts";
import type { CommandResult } from "./adapters/run-command.ts";
import type { Isolation } from "./adapters/backend.ts";
import type { CoverageSummary } from "./domain/coverage.ts";
import type { Framework } from "./domain/test-command.ts";
import type { TestCase } from "./domain/test-report.ts";

/** A command that ended, and the receipt that proves it. */
export interface Ran {
  readonly result: CommandResult;
  readonly receipt: string;
  readonly isolation: Isolation;
  /** Where the command was a test suite: what it reported. */
  readonly tests?: TestsRan;
}

export interface TestsRan {
  readonly framework: Framework;
  readonly cases: readonly TestCase[];
  /** Why the cases are not all there is, or none. */
  readonly problem: string | null;
  /** Tests that did not end the same way in every run; undefined where the suite ran once. */
  readonly flaky: readonly string[] | undefined;
  readonly coverage: CoverageSummary | null;
  readonly noCoverage: string | null;
}

/** What the sandbox tools work with. The server owns none of it but the store and the jobs, which it closes. */
export interface SandboxDeps {
  readonly store: SandboxStore;
  readonly backends: Backends;
  readonly jobs: Jobs<Ran>;
  readonly logs: LiveLogs;
  /** The sandboxes in which commands of this process run. */
  readonly busy: Tally;
  readonly clock: Clock;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  readonly newId: NewId;
  /** An unguessable word. */
  readonly nonce: () => string;
  /** The folders that may be imported from; read when first needed. */
  readonly roots: () => Roots;
  /** Holds one folder per sandbox; no other path of the host is written. */
  readonly folder: string;
  readonly patches: PatchSettings;
  /** Signs receipts; made when first needed. */
  readonly receiptKey: () => Uint8Array;
  /** Clears away what expired or was left behind, before a sandbox is made. */
  readonly sweep: (writer: Writer) => Promise<void>;
  /** Hosts that a sandbox may be given a door to. */
  readonly hosts: readonly string[];
  readonly maxSandboxes: number;
  readonly outputCapBytes: number;
  readonly log: Log;
}
