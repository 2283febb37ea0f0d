import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import type { GitDeps } from "../deps.ts";
import type { Plan } from "../domain/operation.ts";
import { requester } from "./answer.ts";

/**
 * Writes down what is about to happen, then lets it happen. A refusal ends the operation; anything else leaves it open,
 * as a kill would, for the next call under its key.
 */
export async function journaled<T>(
  deps: GitDeps,
  git: GitContext,
  call: Call,
  id: string,
  plan: Plan,
  effect: () => Promise<T>,
): Promise<T> {
  await deps.store.write(call, (tx) =>
    tx.plan({ id, repo: git.commonDir, plan, at: deps.clock() }, requester(call)),
  );
  try {
    return await effect();
  } catch (error) {
    if (error instanceof DomainError) await deps.store.write(call, (tx) => tx.settle(id, "refused", []));
    throw error;
  }
}
