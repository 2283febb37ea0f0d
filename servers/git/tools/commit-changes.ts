import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { openOperation } from "../adapters/checkout.ts";
import { escapingLinks, refreshIndex, stagedChanges, stageTree } from "../adapters/commit.ts";
import { runHook } from "../adapters/hooks.ts";
import { headRef, isAncestor, jitter, readRef, swapRef, writeCommit } from "../adapters/refs.ts";
import { signCommit, signerOf } from "../adapters/sign.ts";
import type { GitDeps } from "../deps.ts";
import { composeMessage, refuseMessage } from "../domain/message.ts";
import type { Operation, Plan } from "../domain/operation.ts";
import { refusePath, showPath } from "../domain/path.ts";
import { effects, keyInput, repoInput, requester, writeInTurn, written } from "./answer.ts";

type CommitPlan = Extract<Plan, { kind: "commit" }>;
type Planned = { readonly id: string; readonly plan: CommitPlan; readonly warnings: readonly string[] };

const input = z.object({
  repo: repoInput,
  paths: z
    .array(z.string())
    .min(1)
    .max(5000)
    .describe("Files or folders relative to the worktree's top; deleted and new ones too"),
  message: z.string(),
  expected_parent: z.string().optional().describe("Refuse unless the branch is at this commit"),
  trailers: z.record(z.string(), z.string()).optional(),
  sign: z.boolean().optional(),
  idempotency_key: keyInput,
});

export const commitChanges = defineTool({
  name: "commit_changes",
  title: "Commit files",
  description:
    "Commits exactly the named paths as they are in the worktree, whatever else is staged or changed. Hooks run only where a person trusts the repository. Safe beside other committers.",
  input,
  output: z
    .object({
      commit: z.string(),
      branch: z.string().nullable(),
      warnings: z.array(z.string()),
      ...written,
    })
    .partial(),
  annotations: WRITES,
  core: true,
  async run(args, deps: GitDeps, call) {
    assertArguments(args);
    if (args.sign === true) signerOf(deps.host);
    const git = await deps.host.open(args.repo);
    return writeInTurn(deps, git, call, async () => {
      const { id, plan, warnings } = await land(git, args, deps, call);
      const { ref } = plan;
      const refreshed = await refreshIndex(git, plan.files);
      const files = plan.files.map(showPath);
      const branch = ref.ref === "HEAD" ? null : ref.ref.replace("refs/heads/", "");
      return deps.store.answer(call, (tx) => {
        tx.settle(id, "done", [
          {
            type: "commit.created",
            subject: ref.to ?? "",
            data: { operation_id: id, repo: git.commonDir, branch, parent: ref.from, files: files.length },
          },
        ]);
        return {
          commit: ref.to ?? "",
          branch,
          warnings: [
            ...warnings,
            ...(refreshed
              ? []
              : [
                  "stale_lock: another process holds index.lock, so git status is out of date for these files",
                ]),
          ],
          operation_id: id,
          effects: effects([ref], files),
        };
      });
    });
  },
});

type Args = z.output<typeof input>;

/** Brings the commit about and returns its plan; a planned one of a killed process is finished first. */
async function land(git: GitContext, args: Args, deps: GitDeps, call: Call): Promise<Planned> {
  const pending = await deps.store.read((tx) => tx.pending(requester(call)));
  if (pending?.plan.kind === "commit" && (await finish(git, pending.plan)))
    return { id: pending.id, plan: pending.plan, warnings: [] };

  const expected =
    args.expected_parent === undefined ? undefined : await git.resolveCommit(args.expected_parent);
  const id = pending?.id ?? deps.newId("op");
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const { plan, warnings } = await prepare(git, args, expected, id, deps, call);
    await deps.store.write(call, (tx) => {
      const taskId = args.trailers?.["Task"] ?? tx.taskOf(git.commonDir, { path: git.worktree });
      tx.plan({ id, repo: git.commonDir, plan, at: deps.clock(), taskId }, requester(call));
    });
    if (await swapRef(git, plan.ref, "commit: by slipway")) return { id, plan, warnings };
    await pause(jitter(attempt));
  }
  throw new DomainError("unavailable", "the branch moved again and again while this commit was made", {
    hint: "call again",
  });
}

/** Whether a planned commit is on its branch, moving the branch there when it still stands where it stood. */
async function finish(git: GitContext, { ref }: CommitPlan): Promise<boolean> {
  const now = await readRef(git, ref.ref);
  if (now !== null && ref.to !== null && (now === ref.to || (await isAncestor(git, ref.to, now))))
    return true;
  return now === ref.from && swapRef(git, ref, "commit: by slipway");
}

async function prepare(
  git: GitContext,
  args: Args,
  expected: string | undefined,
  id: Operation["id"],
  deps: GitDeps,
  call: Call,
): Promise<{ readonly plan: CommitPlan; readonly warnings: readonly string[] }> {
  const open = await openOperation(git);
  if (open !== undefined && open !== "bisect") {
    throw new DomainError("invalid_state", `a ${open} is in progress in this worktree`, {
      hint: `finish or abort the ${open} first`,
    });
  }
  const ref = await headRef(git);
  const head = await readRef(git, ref);
  if (expected !== undefined && expected !== head) {
    throw new DomainError("conflict", `the branch is at ${head ?? "no commit"}, not at the expected parent`, {
      hint: "look at what was committed meanwhile, then name that commit as expected_parent",
    });
  }
  const tree = await stageTree(git, head, args.paths, join(deps.host.scratch, `${id}.index`), call.signal);
  const message = await hookedMessage(
    git,
    composeMessage(args.message, args.trailers ?? {}),
    join(deps.host.scratch, id),
    call.signal,
  );
  // Both need the tree only. A commit of nothing is an object that nobody refers to.
  const [changes, commit] = await Promise.all([
    stagedChanges(git, head, tree, call.signal),
    writeCommit(git, { tree, parents: head === null ? [] : [head], message, at: deps.clock() }),
  ]);
  if (changes.length === 0) {
    throw new DomainError(
      "invalid_state",
      "there is nothing to commit: the named paths are as in the last commit",
      {
        hint: "get_repo_status lists what has changed",
      },
    );
  }
  const to = args.sign === true ? await signCommit(git, signerOf(deps.host), commit, call.signal) : commit;
  const links = await escapingLinks(git, changes);
  return {
    plan: {
      kind: "commit",
      ref: { ref, from: head, to },
      worktree: git.worktree,
      files: changes.map((change) => change.path),
    },
    warnings: links.slice(0, 20).map((path) => `link_outside: ${showPath(path)} points out of the worktree`),
  };
}

/** The message as the commit-msg hook of a trusted repository leaves it. */
async function hookedMessage(
  git: GitContext,
  message: string,
  scratch: string,
  signal: AbortSignal,
): Promise<string> {
  if (!git.trusted) return message;
  const file = `${scratch}.message`;
  try {
    await writeFile(file, message);
    await runHook(git, "commit-msg", { index: `${scratch}.index`, file, signal });
    return await readFile(file, "utf8");
  } finally {
    await rm(file, { force: true });
  }
}

function assertArguments({ paths, message, trailers }: Args): void {
  for (const path of paths) {
    const reason = refusePath(path);
    if (reason !== undefined) {
      throw new DomainError(
        reason.startsWith("is empty") || reason.startsWith("is too") ? "invalid" : "denied",
        `the path ${JSON.stringify(path.slice(0, 200))} ${reason}`,
        {
          hint: "give paths of files in this worktree, relative to its top folder",
        },
      );
    }
  }
  const reason = refuseMessage(message, trailers ?? {});
  if (reason !== undefined) throw new DomainError("invalid", reason, { hint: "correct it and call again" });
}
