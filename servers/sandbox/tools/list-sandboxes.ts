import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { whole } from "./bounds.ts";
import type { SandboxDeps } from "../deps.ts";

export const listSandboxes = defineTool({
  name: "list_sandboxes",
  title: "List sandboxes",
  description: "Lists the live sandboxes of this state folder, oldest first.",
  input: z.object({ limit: whole(1, 100).default(20), cursor: z.string().optional() }),
  output: z.object({
    sandboxes: z.array(z.unknown()),
    next_cursor: z.string().optional(),
  }),
  annotations: READS,
  async run({ limit, cursor }, { store, clock }: SandboxDeps) {
    const found = await store.read((tx) => tx.list(cursor, limit + 1));
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      sandboxes: page
        .filter((record) => record.expiresAt > clock())
        .map(({ id, name, backend, isolation, status, commands, createdAt, expiresAt }) => ({
          id,
          ...(name === null ? {} : { name }),
          backend,
          isolation,
          status,
          commands,
          created_at: toIso(createdAt),
          expires_at: toIso(expiresAt),
        })),
      ...(found.length > limit && last !== undefined ? { next_cursor: last.id } : {}),
    };
  },
});
