import { z } from "zod";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { AnsweredMeanwhile } from "../../../kernel/store.ts";
import { DEFAULT_MAX_TOKENS, estimateTokens, HARD_MAX_TOKENS } from "../../../kernel/tokens.ts";
import type { GitDeps } from "../deps.ts";
import type { RefChange } from "../domain/operation.ts";
import { showPath, type GitPath } from "../domain/path.ts";
import { finishOrphans } from "./orphans.ts";
import type { Requester } from "../store/store.ts";

// Pieces that the tools' schemas and answers share.

/** The absolute path of a worktree: said once, in the server's instructions. */
export const repoInput = z.string();
// Bounds are checked and not listed: a host pays for every word of a schema in every session.
export const keyInput = z
  .string()
  .refine((key) => key.length <= 200, "at most 200 characters")
  .optional();
/** Names or paths, at most 200. */
export const someNames = z.array(z.string()).refine((names) => names.length <= 200, "at most 200");
/** Anything is taken and brought into the range. */
export const tokensInput = z
  .int()
  .optional()
  .transform((tokens) => Math.min(Math.max(tokens ?? DEFAULT_MAX_TOKENS, 200), HARD_MAX_TOKENS));

// Shapes inside lists are told by the answers themselves: spelled out in every schema they would cost each host more
// tokens than the tools' descriptions.

/** Every field of a writing tool's answer that is the same everywhere. */
export const written = {
  operation_id: z.string(),
  effects: z.looseObject({}),
} as const;

export function requester(call: Call): Requester {
  return { principal: call.principal.id, once: call.once };
}

/** What a change did outside the store; a long list of files is cut, its last entry says how many are missing. */
export function effects(refs: readonly RefChange[], files: readonly string[], hosts: readonly string[] = []) {
  const shown = files.length <= 100 ? [...files] : [...files.slice(0, 99), `… and ${files.length - 99} more`];
  return {
    refs: refs.filter((change) => change.from !== change.to).map((change) => ({ ...change })),
    files: shown,
    hosts: [...hosts],
  };
}

/**
 * Runs a writing tool's work when no other writer of this process is in the repository. The same call under the same
 * key may have been answered while this one waited: then the kept answer is given. What killed processes left half done
 * in the repository is finished first.
 */
export function writeInTurn<T>(
  deps: GitDeps,
  git: GitContext,
  call: Call,
  work: () => Promise<T>,
): Promise<T> {
  return deps.inTurn(git.commonDir, async () => {
    if ((await deps.store.keptAnswer(call)) !== undefined) throw new AnsweredMeanwhile();
    await finishOrphans(deps, git, call);
    return work();
  });
}

/** A list of names cut to a budget. */
export function fitPaths(
  paths: readonly GitPath[],
  maxTokens: number,
): { readonly names: string[]; readonly cost: number; readonly truncated: boolean } {
  const names: string[] = [];
  let cost = 0;
  for (const path of paths) {
    const name = showPath(path);
    const price = estimateTokens(name) + 1;
    if (cost + price > maxTokens) return { names, cost, truncated: true };
    names.push(name);
    cost += price;
  }
  return { names, cost, truncated: false };
}
