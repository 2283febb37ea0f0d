import type { Command } from "../kernel/io.ts";
import { nearest } from "../kernel/flags.ts";
import { STORE_VERBS, STORES } from "./store-verbs.ts";

/** One command as the help shows it; its code is loaded when it runs. */
export interface Entry {
  readonly usage: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** Every command, by the words that call it, in the order of the help. */
export const COMMANDS: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  [
    "init",
    {
      usage: "init [--yes] [--remove]",
      summary: "set a project up: slipway.yaml, and the servers in the MCP hosts found here",
      load: async () => (await import("./setup/init.ts")).initCommand,
    },
  ],
  [
    "doctor",
    {
      usage: "doctor [--json]",
      summary: "what is missing on this machine, what that costs, how to mend it",
      load: async () => (await import("./setup/doctor.ts")).doctorCommand,
    },
  ],
  [
    "mcp",
    {
      usage: "mcp [print|add|remove <host>]",
      summary: "Slipway in the configuration of MCP hosts",
      load: async () => (await import("./setup/mcp.ts")).mcpCommand,
    },
  ],
  [
    "demo",
    {
      usage: "demo [--sabotage]",
      summary: "a hands-off run on a bundled sample, without any key",
      load: async () => (await import("../orchestrator/cli/demo.ts")).demoCommand,
    },
  ],
  [
    "run",
    {
      usage: 'run "<goal>" | --plan FILE',
      summary: "a hands-off run on your repository",
      load: async () => (await import("../orchestrator/cli/run.ts")).runCommand,
    },
  ],
  [
    "resume",
    {
      usage: "resume [run]",
      summary: "go on with an interrupted or waiting run",
      load: async () => (await import("../orchestrator/cli/resume.ts")).resumeCommand,
    },
  ],
  [
    "pause",
    {
      usage: "pause [run]",
      summary: "stop a run at its next safe point; resume goes on",
      load: async () => (await import("../orchestrator/cli/control.ts")).pauseCommand,
    },
  ],
  [
    "cancel",
    {
      usage: "cancel <run>",
      summary: "end a run for good and clear up after it; what was merged stays",
      load: async () => (await import("../orchestrator/cli/control.ts")).cancelCommand,
    },
  ],
  [
    "stop",
    {
      usage: "stop",
      summary: "the kill switch: stop every run, by force where one does not stop",
      load: async () => (await import("../orchestrator/cli/control.ts")).stopCommand,
    },
  ],
  [
    "status",
    {
      usage: "status [run]",
      summary: "where the runs stand",
      load: async () => (await import("../orchestrator/cli/read-run.ts")).statusCommand,
    },
  ],
  [
    "report",
    {
      usage: "report [run]",
      summary: "what became of a run",
      load: async () => (await import("../orchestrator/cli/read-run.ts")).reportCommand,
    },
  ],
  [
    "logs",
    {
      usage: "logs [run]",
      summary: "every event of a run, as NDJSON",
      load: async () => (await import("../orchestrator/cli/read-run.ts")).logsCommand,
    },
  ],
  [
    "approvals",
    {
      usage: "approvals",
      summary: "what waits for a person",
      load: async () => (await import("../servers/decision/cli/approvals.ts")).approvals,
    },
  ],
  [
    "approve",
    {
      usage: "approve <id>",
      summary: "approve it, at a terminal",
      load: async () => (await import("../servers/decision/cli/answer.ts")).approve,
    },
  ],
  [
    "deny",
    {
      usage: "deny <id>",
      summary: "deny it, at a terminal",
      load: async () => (await import("../servers/decision/cli/answer.ts")).deny,
    },
  ],
  [
    "tasks list",
    {
      usage: "tasks list [--status S]",
      summary: "the queue's open tasks, one a line",
      load: async () => (await import("../servers/tasks/cli/list.ts")).listCommand,
    },
  ],
  [
    "tasks show",
    {
      usage: "tasks show <id>",
      summary: "one task in full: why it waits, and what happened to it",
      load: async () => (await import("../servers/tasks/cli/show.ts")).showCommand,
    },
  ],
  [
    "tasks add",
    {
      usage: 'tasks add "<title>" | --file FILE',
      summary: "add a task, or a file of them",
      load: async () => (await import("../servers/tasks/cli/add.ts")).addCommand,
    },
  ],
  [
    "tasks graph",
    {
      usage: "tasks graph [id]",
      summary: "draw what waits for what, level by level",
      load: async () => (await import("../servers/tasks/cli/graph.ts")).graphCommand,
    },
  ],
  [
    "tasks watch",
    {
      usage: "tasks watch",
      summary: "watch the queue live, until Ctrl-C",
      load: async () => (await import("../servers/tasks/cli/watch.ts")).watchCommand,
    },
  ],
  [
    "escalations",
    {
      usage: "escalations",
      summary: "what calls for a person, most urgent first",
      load: async () => (await import("../servers/decision/cli/escalations.ts")).escalations,
    },
  ],
  [
    "acknowledge",
    {
      usage: "acknowledge <id>",
      summary: "mark an escalation as seen, at a terminal",
      load: async () => (await import("../servers/decision/cli/escalations.ts")).acknowledge,
    },
  ],
  [
    "audit verify",
    {
      usage: "audit verify [--head FILE]",
      summary: "hold the decision log against its chain, signed heads and the state",
      load: async () => (await import("../servers/decision/cli/audit.ts")).auditVerify,
    },
  ],
  [
    "audit head",
    {
      usage: "audit head",
      summary: "sign how far the decision log reaches, to keep elsewhere",
      load: async () => (await import("../servers/decision/cli/audit.ts")).auditHead,
    },
  ],
  [
    "audit export",
    {
      usage: "audit export",
      summary: "the decision log as signed in-toto statements",
      load: async () => (await import("../servers/decision/cli/audit.ts")).auditExport,
    },
  ],
  [
    "decision backtest",
    {
      usage: "decision backtest --csv FILE",
      summary: "measure the learned risk on a history of labelled changes",
      load: async () => (await import("../servers/decision/cli/backtest.ts")).backtest,
    },
  ],
  [
    "decision train",
    {
      usage: "decision train [--repo DIR]",
      summary: "start the risk model from a repository's past",
      load: async () => (await import("../servers/decision/cli/train.ts")).train,
    },
  ],
  [
    "decision model",
    {
      usage: "decision model [freeze|rollback|release]",
      summary: "the versions of the risk model; hold it to one, or let it learn, at a terminal",
      load: async () => (await import("../servers/decision/cli/model.ts")).model,
    },
  ],
  [
    "decision policy test",
    {
      usage: "decision policy test FILE",
      summary: "run a policy's tests, and replay past decisions under it",
      load: async () => (await import("../servers/decision/cli/policy-test.ts")).policyTest,
    },
  ],
  [
    "memory model pull",
    {
      usage: "memory model pull [--variant fp32|fp16|q8] [--from SOURCE]",
      summary: "bring the local embedding model onto this machine",
      load: async () => (await import("../servers/memory/cli/model.ts")).memoryModelPullCommand,
    },
  ],
  [
    "memory embed",
    {
      usage: "memory embed",
      summary: "make the vectors that are missing, with the embedder that is configured",
      load: async () => (await import("../servers/memory/cli/embed.ts")).memoryEmbedCommand,
    },
  ],
  [
    "memory patterns",
    {
      usage: "memory patterns [merge KEPT OTHER|separate OTHER]",
      summary: "patterns that say nearly the same; merge two, or take that back",
      load: async () => (await import("../servers/memory/cli/patterns.ts")).memoryPatternsCommand,
    },
  ],
  [
    "memory check",
    {
      usage: "memory check [--repair]",
      summary: "check the memory and its search index, or build the index again",
      load: async () => (await import("../servers/memory/cli/check.ts")).memoryCheckCommand,
    },
  ],
  [
    "memory import",
    {
      usage: "memory import FILE [--merge lww|union]",
      summary: "take in an export, or the file of the reference memory server",
      load: async () => (await import("../servers/memory/cli/import.ts")).memoryImportCommand,
    },
  ],
  [
    "memory export",
    {
      usage: "memory export",
      summary: "write the memory as JSONL or Markdown",
      load: async () => (await import("../servers/memory/cli/export.ts")).memoryExportCommand,
    },
  ],
  [
    "git trust",
    {
      usage: "git trust PATH",
      summary: "let a repository run its own hooks and filters, at a terminal only",
      load: async () => (await import("../servers/git/cli/trust.ts")).trustCommand,
    },
  ],
  [
    "sandbox image build",
    {
      usage: "sandbox image build node",
      summary: "build the image of Docker sandboxes, without any registry",
      load: async () => (await import("../servers/sandbox/cli/image-build.ts")).imageBuildCommand,
    },
  ],
  [
    "sandbox selftest",
    {
      usage: "sandbox selftest [--backend NAME] [--json]",
      summary: "attack a sandbox on this machine and report what held",
      load: async () => (await import("../servers/sandbox/cli/selftest.ts")).selftestCommand,
    },
  ],
  [
    "bench replay",
    {
      usage: "bench replay FILE.jsonl",
      summary: "measure the harness by replaying known changes, right and wrong, without a model",
      load: async () => (await import("../orchestrator/cli/bench-replay.ts")).benchReplayCommand,
    },
  ],
  [
    "plan validate",
    {
      usage: "plan validate FILE",
      summary: "check a plan",
      load: async () => (await import("../orchestrator/cli/plan-validate.ts")).planValidateCommand,
    },
  ],
  [
    "gc",
    {
      usage: "gc [--yes]",
      summary: "what of the state folder could go, and let it go",
      load: async () => (await import("./gc/gc.ts")).gcCommand,
    },
  ],
  [
    "completion",
    {
      usage: "completion bash|zsh|fish",
      summary: "completions for your shell",
      load: async () => (await import("./completion.ts")).completionCommand,
    },
  ],
  [
    "token",
    {
      usage: "token [list|create|rotate|revoke <name>]",
      summary: "bearer tokens of serve --http: who may do what, for how long",
      load: async () => (await import("./token.ts")).tokenCommand,
    },
  ],
  [
    "serve",
    {
      usage: "serve <server|all>",
      summary: "serve one server, or all, to an MCP host",
      load: async () => (await import("./serve.ts")).serveCommand,
    },
  ],
]);

/** Finds the longest run of words that names a command, and what is left over for it. */
export function findCommand(
  argv: readonly string[],
): { readonly entry: Entry; readonly rest: readonly string[] } | undefined {
  for (let words = 3; words > 0; words -= 1) {
    const entry = COMMANDS.get(argv.slice(0, words).join(" "));
    if (entry !== undefined) return { entry, rest: argv.slice(words) };
  }
  const [store = "", verb = ""] = argv;
  const makeVerb = STORES.has(store) ? STORE_VERBS.get(verb) : undefined;
  if (makeVerb === undefined) return undefined;
  return {
    entry: { usage: `${store} ${verb}`, summary: "", load: async () => makeVerb(store) },
    rest: argv.slice(2),
  };
}

/** What to say to whoever named a command that is not there. */
export function suggestCommand(argv: readonly string[]): string {
  const [first = "", second = ""] = argv;
  if (STORES.has(first)) {
    const verbs = [...verbsOf(first), ...STORE_VERBS.keys()];
    const verb = nearest(second, verbs);
    return verb === undefined
      ? `slipway ${first} takes ${verbs.join(", ")}`
      : `did you mean slipway ${first} ${verb}?`;
  }
  const group = [...COMMANDS.keys()].filter((words) => words.startsWith(`${first} `));
  const near =
    nearest(`${first} ${second}`, [...COMMANDS.keys()]) ??
    nearest(first, [...COMMANDS.keys(), ...STORES.keys()]) ??
    group[0];
  return near === undefined ? "see slipway --help" : `did you mean slipway ${near}?`;
}

/** The commands of a store beyond those that every store has. */
function verbsOf(store: string): readonly string[] {
  return [...COMMANDS.keys()]
    .filter((words) => words.startsWith(`${store} `))
    .map((words) => words.slice(store.length + 1))
    .filter((verb) => !STORE_VERBS.has(verb));
}
