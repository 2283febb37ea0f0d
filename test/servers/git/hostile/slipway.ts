import type { Client } from "@modelcontextprotocol/client";
import type { Act, Outcome, Subject } from "./act.ts";

/** The git server of this project, by whatever way it is connected. */
export function slipwaySubject(client: Client): Subject {
  const call = async (name: string, args: Record<string, unknown>): Promise<Outcome> => {
    const result = await client.callTool({ name, arguments: args }, { timeout: 60_000 });
    return { refused: result.isError === true, text: JSON.stringify(result) };
  };
  const perform = async (act: Act): Promise<Outcome> => {
    switch (act.do) {
      case "status":
        return call("get_repo_status", { repo: act.repo });
      case "diff":
        return call("get_repo_diff", {
          repo: act.repo,
          ...(act.from === undefined ? {} : { from: act.from }),
          ...(act.paths === undefined ? {} : { paths: act.paths }),
        });
      case "log":
        return call("get_repo_history", {
          repo: act.repo,
          ...(act.ref === undefined ? {} : { ref: act.ref }),
          ...(act.paths === undefined ? {} : { paths: act.paths }),
        });
      case "show":
        return call("get_repo_history", { repo: act.repo, mode: "show", ref: act.ref });
      case "blame":
        return call("get_repo_history", { repo: act.repo, mode: "blame", paths: [act.path] });
      case "commit":
        return call("commit_changes", {
          repo: act.repo,
          paths: act.paths,
          message: act.message ?? "work",
          ...(act.trailers === undefined ? {} : { trailers: act.trailers }),
        });
      case "branch":
        return call("manage_branch", { repo: act.repo, action: act.how, name: act.name });
      case "worktree":
        return call("add_worktree", { repo: act.repo, branch: act.branch });
      case "merge":
        return merge(call, act);
      case "init":
        return call("create_repository", { path: act.path });
      case "clone":
        return call("create_repository", { path: act.path, clone_url: act.url });
      case "fetch":
      case "push":
        return call("sync_remote", {
          repo: act.repo,
          action: act.do,
          ...(act.remote === undefined ? {} : { remote: act.remote }),
        });
    }
  };
  return { name: "slipway", perform };
}

/** A merge names the ids that the preview told. */
async function merge(
  call: (name: string, args: Record<string, unknown>) => Promise<Outcome>,
  { repo, source, how = "merge" }: Extract<Act, { do: "merge" }>,
): Promise<Outcome> {
  const ends = { repo, operation: how, source, target: "main" };
  const preview = await call("preview_integration", ends);
  if (preview.refused) return preview;
  const { structuredContent }: { structuredContent: Record<string, unknown> } = JSON.parse(preview.text);
  return call("integrate_changes", {
    ...ends,
    expected_source: structuredContent["source_commit"],
    expected_target: structuredContent["target_commit"],
  });
}
