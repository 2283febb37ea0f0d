import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { silentLog } from "../../kernel/log.ts";
import type { ToolCaller } from "../../orchestrator/call.ts";
import { openCrew } from "../../orchestrator/crew.ts";
import { connectHosts, type Hosts } from "../../orchestrator/hosts.ts";
import { readPlanFile } from "../../orchestrator/plan/plan-file.ts";
import { conductRun } from "../../orchestrator/run/conduct.ts";
import { openJournal } from "../../orchestrator/run/journal.ts";
import { RunOptions } from "../../orchestrator/run/options.ts";
import { openRunStore, type RunStore } from "../../orchestrator/run/run-store.ts";
import { oneAtATime } from "../../orchestrator/run/turns.ts";
import type { WorktreeFiles } from "../../orchestrator/run/worktree-files.ts";
import { beginRun, filesFor, receiptReader, runStorePath } from "../../orchestrator/start.ts";
import { sampleProject, type SampleProject } from "./sample-project.ts";

/** Two independent repairs and one after them, with acceptance so cheap that lives are short. */
const PLAN = {
  tasks: [
    {
      ref: "add",
      title: "Fix add",
      acceptance: [{ tests: "grep -q 'a + b' add.js", must_fail_before: true }],
    },
    {
      ref: "mul",
      title: "Fix mul",
      acceptance: [{ tests: "grep -q 'a \\* b' mul.js", must_fail_before: true }],
    },
    { ref: "note", title: "Add a note", depends_on: ["add", "mul"], acceptance: [{ run: "test -f NOTE" }] },
  ],
};

const WORK = `case "$REF" in
  add) if [ "$ATTEMPT" = 1 ]; then echo no > no; else sed -i 's/a - b/a + b/' add.js; fi ;;
  mul) sed -i 's/a + b/a * b/' mul.js ;;
  note) echo done > NOTE ;;
esac`;

/** What one run with one death in it came to, in a form that all of them must share. */
export interface FaultOutcome {
  readonly status: string;
  /** Titles of the merge commits on main, sorted: each task once. */
  readonly merges: readonly string[];
  readonly isClean: boolean;
  readonly worktrees: number;
  readonly sandboxes: number;
  readonly checkouts: number;
  /** What the queue says of every task. */
  readonly queue: readonly string[];
  /** How often each task was told as merged. */
  readonly told: readonly string[];
}

export interface FaultRun {
  readonly outcome: FaultOutcome;
  /** How many effects the first life got to. */
  readonly effects: number;
  /** The effect it died after. */
  readonly diedAfter: string;
}

interface End {
  readonly status: string;
  readonly sandboxes: number;
}

const Sandboxes = z.looseObject({
  sandboxes: z.array(z.looseObject({ name: z.string().nullable().optional() })),
});

const LOOKS = new Set([
  "list_tasks",
  "report_progress",
  "list_worktrees",
  "list_sandboxes",
  "read_job",
  "get_approval",
  "recall",
]);

class Died extends Error {}

/**
 * Runs a small plan in this process and lets it die right after its nth effect (a tool call or an event that was
 * written): the effect took place, nobody heard of it. Then everything is built anew and the run goes on to its end.
 * With `leasesLapse`, the second life comes so late that the queue has taken every claim back.
 */
export async function runWithDeath(nth: number, leasesLapse: boolean): Promise<FaultRun> {
  const project = sampleProject();
  const env = {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    DOCKER_HOST: "unix:///nonexistent/docker.sock",
  };
  try {
    const runner = project.runner(WORK);
    const first = openRunStore(runStorePath(project.home), Date.now);
    const runId = await beginRun(
      first,
      project.repo,
      {
        goal: "fix",
        runner,
        has_model: false,
        workers: 2,
        autonomy: 3,
        mode: "in_process",
        allow_unisolated: true,
        budget: {},
        plan: readPlanFile(project.plan(PLAN)),
        setup: "",
        demo: null,
      },
      (repo) => filesFor(repo, project.home, env),
    );
    const fate = new Fate(nth);
    await live(project, first, runId, env, fate).catch((error: unknown) => {
      if (!(error instanceof Died)) throw error;
    });
    if (leasesLapse) letLeasesLapse(project.home);
    const second = openRunStore(runStorePath(project.home), Date.now);
    const end = await live(project, second, runId, env, new Fate(Infinity));
    return { outcome: look(project, runId, end), effects: fate.count, diedAfter: fate.last };
  } finally {
    project.remove();
  }
}

/** Counts effects, and from the nth on lets nothing happen any more. */
class Fate {
  count = 0;
  last = "";
  readonly #nth: number;
  constructor(nth: number) {
    this.#nth = nth;
  }
  get isDead(): boolean {
    return this.count >= this.#nth;
  }
  async pass<T>(what: string, effect: () => Promise<T>): Promise<T> {
    if (this.isDead) throw new Died();
    const result = await effect();
    if (this.isDead) throw new Died();
    // Looking leaves nothing behind, and how often a run looks depends on the clock.
    if (LOOKS.has(what)) return result;
    this.count += 1;
    this.last = what;
    if (this.isDead) throw new Died();
    return result;
  }
}

async function live(
  project: SampleProject,
  store: RunStore,
  runId: string,
  env: Record<string, string | undefined>,
  fate: Fate,
): Promise<End> {
  const mortalStore: RunStore = {
    ...store,
    append: (events) => fate.pass(events.map((event) => event.type).join(), () => store.append(events)),
  };
  const journal = await openJournal(mortalStore, runId);
  const options = RunOptions.parse(journal.events[0]?.data);
  const crew = await openCrew({
    repo: options.repo,
    runner: options.runner,
    demo: null,
    models: {},
    env,
    log: silentLog,
  });
  const hosts = await connectHosts({
    mode: "in_process",
    sources: { home: project.home, env, cwd: options.repo, log: silentLog },
    roots: [options.repo, project.home],
    allowUnisolated: true,
  });
  const files = filesFor(options.repo, project.home, env, runId);
  try {
    const status = await conductRun(
      {
        options,
        journal,
        hosts: mortalHosts(hosts, fate),
        crew,
        files: mortalFiles(files, fate),
        readReceipt: receiptReader(project.home),
        inTurn: oneAtATime(),
        signal: new AbortController().signal,
        clock: Date.now,
        log: silentLog,
        sleep: (ms) => setTimeout(Math.min(ms, 20)),
      },
      project.home,
    );
    const { sandboxes } = await hosts.sandbox.call("list_sandboxes", { limit: 100 }, Sandboxes);
    return { status, sandboxes: sandboxes.filter(({ name }) => name?.startsWith(runId) === true).length };
  } finally {
    await hosts.close();
    await crew.close();
    store.close();
  }
}

function mortalHosts(hosts: Hosts, fate: Fate): Hosts {
  const mortal = (caller: ToolCaller): ToolCaller => ({
    call: (tool, args, answer, signal) => fate.pass(tool, () => caller.call(tool, args, answer, signal)),
  });
  return {
    memory: mortal(hosts.memory),
    tasks: mortal(hosts.tasks),
    sandbox: mortal(hosts.sandbox),
    git: mortal(hosts.git),
    decision: mortal(hosts.decision),
    close: () => hosts.close(),
  };
}

/** The dead clear nothing away. */
function mortalFiles(files: WorktreeFiles, fate: Fate): WorktreeFiles {
  return {
    ...files,
    async checkOut(repo, tree) {
      const { dir, remove } = await files.checkOut(repo, tree);
      return { dir, remove: async () => (fate.isDead ? undefined : remove()) };
    },
  };
}

function letLeasesLapse(home: string): void {
  const db = new DatabaseSync(join(home, "tasks.db"));
  db.exec(
    "UPDATE task SET lease_until = 1, body = json_set(body, '$.claim.expiresAt', 1) WHERE status = 'running'",
  );
  db.close();
}

function look({ git, home }: SampleProject, runId: string, end: End): FaultOutcome {
  const query = (file: string, sql: string): readonly string[] => {
    const db = new DatabaseSync(join(home, file), { readOnly: true });
    try {
      return db
        .prepare(sql)
        .all()
        .map((row) => Object.values(row).join(" "));
    } finally {
      db.close();
    }
  };
  const checkouts = join(home, "checkouts", runId);
  return {
    ...end,
    merges: git("log", "--merges", "--format=%s", "main").split("\n").sort(),
    isClean: git("status", "--porcelain") === "",
    worktrees: git("worktree", "list").split("\n").length - 1,
    checkouts: existsSync(checkouts) ? readdirSync(checkouts).length : 0,
    queue: query("tasks.db", "SELECT title, status FROM task ORDER BY seq"),
    told: query(
      "runs.db",
      "SELECT json_extract(data, '$.task') AS task FROM event WHERE type = 'task.completed' ORDER BY task",
    ),
  };
}
