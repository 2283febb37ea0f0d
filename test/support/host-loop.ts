import { join } from "node:path";
import { z } from "zod";
import type { Exchange } from "../../orchestrator/demo/conversation.ts";

// A task of a small repository from claim to merge, as the script of a model inside somebody else's host.

/** One step of the model's script: which tool, and its arguments from what the earlier tools answered. */
export interface LoopStep {
  /** The host's own name of the tool. */
  readonly tool: string;
  input(seen: readonly Exchange[]): Record<string, unknown>;
}

/** The repository that the script works on: `add` subtracts, and a test says so. */
export const BROKEN_ADD: Readonly<Record<string, string>> = {
  "package.json": '{"type":"module"}\n',
  "add.js": "export const add = (a, b) => a - b;\n",
  "add.test.js":
    'import { test } from "node:test";\nimport { equal } from "node:assert";\nimport { add } from "./add.js";\ntest("adds", () => equal(add(1, 2), 3));\n',
};

const CHECK = "node --test";
export const BRANCH = "task/fix-add";

const shape = {
  claimed: z.object({ task: z.object({ id: z.string() }), claim: z.object({ token: z.string() }) }),
  worktree: z.object({ worktree: z.object({ path: z.string(), base: z.string() }) }),
  sandbox: z.object({ id: z.string() }),
  ran: z.object({ outcome: z.string(), exit_code: z.number(), receipt: z.string() }),
  committed: z.object({ commit: z.string() }),
  assessed: z.object({ assessment_id: z.string() }),
} as const;

export interface HostLoop {
  /** Ends with a stale claim, which is refused. */
  readonly steps: readonly LoopStep[];
  /** The latest answer of one of our tools, by its own name. */
  answerOf(seen: readonly Exchange[], tool: string): unknown;
  taskOf(seen: readonly Exchange[]): string;
  /** How the check ended, each time it ran. */
  runs(seen: readonly Exchange[]): readonly z.output<typeof shape.ran>[];
}

/**
 * The script for one host.
 *
 * @param prefix What the host puts before the names of our tools.
 * @param edit Steps by which the host itself changes `add.js` in a worktree: we have no tool that edits there.
 */
export function hostLoop(
  repo: string,
  prefix: string,
  edit: (worktree: (seen: readonly Exchange[]) => string) => readonly LoopStep[],
): HostLoop {
  const answerOf = (seen: readonly Exchange[], tool: string): unknown => {
    const found = seen.findLast((exchange) => exchange.tool === prefix + tool);
    return found === undefined ? null : JSON.parse(found.result);
  };
  const claimedOf = (seen: readonly Exchange[]) => shape.claimed.parse(answerOf(seen, "claim_task"));
  const worktreeOf = (seen: readonly Exchange[]) =>
    shape.worktree.parse(answerOf(seen, "add_worktree")).worktree;
  const sandboxOf = (seen: readonly Exchange[]) => shape.sandbox.parse(answerOf(seen, "create_sandbox")).id;
  const runs = (seen: readonly Exchange[]) =>
    seen
      .filter(({ tool }) => tool === `${prefix}run_command`)
      .map(({ result }) => shape.ran.parse(JSON.parse(result)));
  const ours = (tool: string, input: LoopStep["input"]): LoopStep => ({ tool: prefix + tool, input });
  const check = ours("run_command", (seen) => ({ sandbox_id: sandboxOf(seen), script: CHECK }));
  const steps = [
    ours("add_tasks", () => ({
      tasks: [
        { ref: "a", title: "Make add add", acceptance: [{ run: CHECK }] },
        { ref: "b", title: "Tell people", depends_on: ["a"] },
      ],
    })),
    ours("claim_task", () => ({ agent: "host" })),
    ours("recall", () => ({ query: "add" })),
    ours("add_worktree", (seen) => ({ repo, branch: BRANCH, task_id: claimedOf(seen).task.id })),
    ours("create_sandbox", (seen) => ({ from_dir: worktreeOf(seen).path })),
    check,
    ...edit((seen) => worktreeOf(seen).path),
    ours("import_directory", (seen) => ({ sandbox_id: sandboxOf(seen), dir: worktreeOf(seen).path })),
    check,
    ours("commit_changes", (seen) => ({
      repo: worktreeOf(seen).path,
      paths: ["add.js"],
      message: "fix: add adds",
    })),
    ours("get_repo_diff", () => ({ repo, from: "main", to: BRANCH })),
    ours("assess_risk", () => ({ action: "merge", repo, base: "main", head: BRANCH })),
    ours("decide", (seen) => ({
      action: "merge",
      confidence: 0.95,
      assessment_id: shape.assessed.parse(answerOf(seen, "assess_risk")).assessment_id,
    })),
    ours("integrate_changes", (seen) => ({
      repo,
      operation: "merge",
      source: BRANCH,
      target: "main",
      expected_source: shape.committed.parse(answerOf(seen, "commit_changes")).commit,
      expected_target: worktreeOf(seen).base,
    })),
    ours("complete_task", (seen) => ({
      token: claimedOf(seen).claim.token,
      evidence: [runs(seen).at(-1)?.receipt],
    })),
    ours("remember", () => ({ items: [{ text: "add subtracted until it was tested.", kind: "bug" }] })),
    ours("delete_sandbox", (seen) => ({ sandbox_id: sandboxOf(seen) })),
    ours("complete_task", () => ({ token: "clm_stale" })),
  ];
  return { steps, answerOf, taskOf: (seen) => claimedOf(seen).task.id, runs };
}

/** The steps that edit `add.js` with a file tool. */
export function fileInWorktree(worktree: string): string {
  return join(worktree, "add.js");
}
