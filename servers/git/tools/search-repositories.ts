import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { fitItems } from "../../../kernel/tokens.ts";
import type { GitDeps } from "../deps.ts";
import { tokensInput } from "./answer.ts";
import { oneLine } from "./forge-place.ts";

export const searchRepositories = defineTool({
  name: "search_repositories",
  title: "Search repositories",
  description: "Finds repositories on the forge.",
  input: z.object({ query: z.string().min(1), cursor: z.string().optional(), max_tokens: tokensInput }),
  output: z
    .object({
      repositories: z
        .array(z.looseObject({}))
        .describe("name, description, stars, language, clone_url, archived"),
      total: z.int(),
      next_cursor: z.string(),
    })
    .partial(),
  annotations: { ...READS, openWorldHint: true },
  async run({ query, cursor, max_tokens }, { forge }: GitDeps) {
    const [, pageText = "1", givenText = "0"] = /^(\d{1,3})\.(\d{1,3})$/.exec(cursor ?? "") ?? [];
    const [page, given] = [Number(pageText), Number(givenText)];
    const { total, repositories } = await forge.searchRepositories(query, page);
    const rest = repositories.slice(given).map((found) => ({
      ...found,
      name: oneLine(found.name),
      description: oneLine(found.description),
    }));
    const { taken, truncated } = fitItems(rest, max_tokens);
    // The forge gives a thousand at most, thirty a page.
    const hasMore = page * 30 < Math.min(total, 1000) && repositories.length > 0;
    const next = truncated ? `${page}.${given + taken.length}` : hasMore ? `${page + 1}.0` : undefined;
    return { repositories: [...taken], total, ...(next === undefined ? {} : { next_cursor: next }) };
  },
});
