import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import { mainWorktree } from "../../kernel/home.ts";
import type { Io } from "../../kernel/io.ts";
import { silentLog } from "../../kernel/log.ts";
import type { Call } from "../../kernel/mcp/call.ts";
import { openServer } from "../../orchestrator/gateway.ts";

const Listed = z.object({
  worktrees: z.array(z.object({ id: z.string().optional(), path: z.string(), expired: z.boolean() })),
  next_cursor: z.string().optional(),
});

/** A worktree whose lease has ended. */
export interface EndedWorktree {
  readonly path: string;
  /** Takes it away; its branch stays. @throws {DomainError} where there is unsaved work in it. */
  remove(): Promise<void>;
}

/** Calls `use` with the worktrees of this project whose lease has ended; with none outside a repository. */
export async function withEndedWorktrees<T>(
  home: string,
  io: Io,
  use: (ended: readonly EndedWorktree[]) => Promise<T>,
): Promise<T> {
  const repo = mainWorktree(io.cwd);
  if (repo === null || !existsSync(join(home, "git.db"))) return use([]);
  const server = await openServer("git", { home, env: io.env, cwd: repo, log: silentLog });
  const call: Call = {
    principal: { id: "local", channel: "in_process" },
    client: undefined,
    signal: io.signal,
    once: undefined,
    progress: async () => undefined,
    ask: undefined,
    trace: { id: "gc", traceparent: undefined },
  };
  const ask = async (name: string, input: Record<string, unknown>): Promise<unknown> => {
    const tool = server.tools.find((known) => known.name === name);
    if (tool === undefined) throw new DomainError("not_found", `the git server has no ${name}`);
    return tool.run(tool.input.parse(input), call);
  };
  try {
    const ended: EndedWorktree[] = [];
    let cursor: string | undefined;
    do {
      const page = Listed.parse(
        await ask("list_worktrees", { repo, ...(cursor === undefined ? {} : { cursor }) }),
      );
      for (const { id, path, expired } of page.worktrees) {
        if (expired && id !== undefined)
          ended.push({ path, remove: async () => void (await ask("remove_worktree", { repo, id })) });
      }
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return await use(ended);
  } finally {
    await server.close();
  }
}
