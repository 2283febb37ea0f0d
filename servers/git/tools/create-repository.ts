import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, type Annotations } from "../../../kernel/mcp/tool.ts";
import { AnsweredMeanwhile } from "../../../kernel/store.ts";
import { cloneInto, initInto } from "../adapters/create.ts";
import { readRef } from "../adapters/refs.ts";
import type { GitDeps } from "../deps.ts";
import { effects, keyInput, requester, written } from "./answer.ts";

const MAKES: Annotations = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: true,
};

export const createRepository = defineTool({
  name: "create_repository",
  title: "Create or clone a repository",
  description:
    "Makes an empty repository with branch main, or a clone. Clones come over https or ssh, or from a folder under an allowed root, without hooks and submodules.",
  input: z.object({
    path: z.string().describe("Absolute; a new or empty folder"),
    clone_url: z.string().optional().describe("Without credentials"),
    depth: z
      .int()
      .refine((depth) => depth >= 1 && depth <= 1_000_000, "1 to 1,000,000")
      .optional(),
    idempotency_key: keyInput,
  }),
  output: z
    .object({
      repo: z.string(),
      head: z.string().nullable().describe("null before the first commit"),
      ...written,
    })
    .partial(),
  annotations: MAKES,
  async run({ path, clone_url, depth }, deps: GitDeps, call) {
    const target = await deps.host.roots.resolveNew(path);
    return deps.inTurn(target, async () => {
      if ((await deps.store.keptAnswer(call)) !== undefined) throw new AnsweredMeanwhile();
      const pending = await deps.store.read((tx) => tx.pending(requester(call)));
      const id = pending?.id ?? deps.newId("op");
      // Made beside its place and renamed into it: a repository is there as a whole or not at all.
      const draft = join(dirname(target), `.${basename(target)}.${id}`);
      await rm(draft, { recursive: true, force: true });
      const isDone = pending !== undefined && (await isRepository(deps, target));
      if (!isDone) {
        await assertFree(target);
        const plan = { kind: "create_repository" as const, path: target, draft };
        await deps.store.write(call, (tx) =>
          tx.plan({ id, repo: target, plan, at: deps.clock() }, requester(call)),
        );
        try {
          await mkdir(draft, { recursive: true });
          if (clone_url === undefined) await initInto(deps.host, draft, call.signal);
          else await cloneInto(deps.host, clone_url, draft, depth, call.signal);
          await rmdir(target).catch(() => undefined);
          await rename(draft, target);
        } catch (error) {
          await rm(draft, { recursive: true, force: true });
          await deps.store.write(call, (tx) => tx.settle(id, "refused", []));
          throw error;
        }
      }
      const head = await readRef(await deps.host.open(target), "HEAD");
      const host = clone_url === undefined ? undefined : hostOf(clone_url);
      return deps.store.answer(call, (tx) => {
        tx.settle(id, "done", []);
        return {
          repo: target,
          head,
          operation_id: id,
          effects: effects([], [target], host === undefined ? [] : [host]),
        };
      });
    });
  },
});

async function isRepository(deps: GitDeps, path: string): Promise<boolean> {
  return deps.host.open(path).then(
    (git) => git.worktree === path,
    () => false,
  );
}

async function assertFree(path: string): Promise<void> {
  const entries = await readdir(path).catch((error: unknown): string[] => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw new DomainError("invalid", "the path is not a folder", {
      hint: "give a new or empty folder",
      cause: error,
    });
  });
  if (entries.length === 0) return;
  throw new DomainError(
    "conflict",
    entries.includes(".git") ? "there is a repository already" : "the folder is not empty",
    {
      hint: entries.includes(".git")
        ? "use it as it is: every tool takes its path as repo"
        : "give a new or empty folder",
    },
  );
}

function hostOf(url: string): string | undefined {
  return /^(?:https?|ssh):\/\/(?:[^/@]*@)?([^/:]+)/.exec(url)?.[1] ?? /^[\w.-]+@([\w.-]+):/.exec(url)?.[1];
}
