import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { cleanText } from "../../../kernel/text.ts";
import { fitItems, fitText } from "../../../kernel/tokens.ts";
import type { GitDeps } from "../deps.ts";
import { summariseLog } from "../domain/check-log.ts";
import type { Check } from "../domain/forge.ts";
import { repoInput, tokensInput } from "./answer.ts";
import { forgePlace, oneLine } from "./forge-place.ts";

const LOGS = 5;

export const getChecks = defineTool({
  name: "get_checks",
  title: "Checks",
  description:
    "How the checks of a commit or branch stand on the forge: failed ones first, with the telling lines of their logs.",
  input: z.object({ repo: repoInput, ref: z.string(), max_tokens: tokensInput }),
  output: z
    .object({
      state: z.string().describe("success, failure, pending, none"),
      checks: z.array(z.looseObject({})).describe("name, state, summary, log, url"),
      truncated: z.boolean(),
    })
    .partial(),
  annotations: { ...READS, openWorldHint: true },
  async run({ repo, ref, max_tokens }, deps: GitDeps) {
    const git = await deps.host.open(repo);
    const place = await forgePlace(deps, git);
    // A branch may be known to the forge only.
    const commit = await git.resolveCommit(ref).catch(() => ref);
    const checks = await deps.forge.checks(place, commit);
    const failed = checks.filter(({ state }) => state === "failure");
    const share = Math.floor(max_tokens / (2 * Math.max(1, Math.min(failed.length, LOGS))));
    const shown = await Promise.all(
      [...failed, ...checks.filter(({ state }) => state !== "failure")].map(async (check, at) => {
        const log =
          at < LOGS && check.state === "failure" ? await deps.forge.checkLog(place, check) : undefined;
        return {
          name: oneLine(check.name),
          state: check.state,
          ...(check.summary === "" ? {} : { summary: fitText(cleanText(check.summary), 200).text }),
          ...(log === undefined ? {} : { log: fitText(cleanText(summariseLog(log)), share).text }),
          url: check.url,
        };
      }),
    );
    const { taken, truncated } = fitItems(shown, max_tokens);
    return { state: overall(checks), checks: [...taken], truncated };
  },
});

function overall(checks: readonly Check[]): string {
  if (checks.length === 0) return "none";
  if (checks.some(({ state }) => state === "failure")) return "failure";
  return checks.some(({ state }) => state === "pending") ? "pending" : "success";
}
