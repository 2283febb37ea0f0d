import type { ServerName } from "../../orchestrator/servers.ts";

/** What outside programs rely on: a tool's arguments and the fields of its answer, written by hand and not derived. */
export interface ToolContract {
  readonly arguments: readonly string[];
  readonly result: readonly string[];
}

const words = (text: string): readonly string[] => text.split(" ").filter((word) => word !== "");
const tool = (args: string, result: string): ToolContract => ({
  arguments: words(args),
  result: words(result),
});

/** The tools that are there. One that is missing here, or there, fails the test: names are never dropped silently. */
export const CONTRACT: Readonly<Record<ServerName, Readonly<Record<string, ToolContract>>>> = {
  memory: {
    remember: tool("items", "items"),
    recall: tool(
      "query k kinds tags space where thread as_of group_by retrievers expand explain",
      "hits retrievers truncated",
    ),
    get_memories: tool("ids", "items missing"),
    forget_memories: tool("ids reason purge", "forgotten"),
    update_memory: tool("id if_version changes merge", "id version"),
    relate_entities: tool("entities relations", "entities relations"),
    explore_graph: tool("start mode to types direction depth limit", "nodes edges truncated"),
    find_impact: tool("changed depth limit", "affected truncated"),
    index_codebase: tool("root include exclude", ""),
    ingest_document: tool("uri path text kind title tags crawl", ""),
    rate_memory: tool("id outcome weight", "mean status"),
    get_memory_stats: tool("check", "memories index"),
  },
  tasks: {
    add_tasks: tool("tasks", "tasks"),
    claim_task: tool("agent capabilities lease_s task_id milestone", "task claim why_none"),
    report_progress: tool("token progress note checkpoint usage extend_s", "expires_at cancel_requested"),
    complete_task: tool("token output artifacts evidence usage", "status verified unblocked unmet"),
    fail_task: tool("token error retryable usage", "status retry_at"),
    release_task: tool("token note checkpoint", "status"),
    review_task: tool("id if_version verdict reasons", "status"),
    update_task: tool("id if_version changes", "task"),
    get_task: tool("id include", "task"),
    list_tasks: tool("status type milestone agent text limit cursor", "tasks next_cursor"),
    explain_tasks: tool("id max_tokens", "why blocks counts forecast"),
    register_agent: tool("name role capabilities max_concurrent retire", "agent"),
    list_agents: tool("limit cursor max_tokens", "agents next_cursor"),
    send_message: tool("to text from task_id", "seq"),
    read_messages: tool("agent after limit cursor max_tokens", "messages next_cursor"),
    read_events: tool("after types limit wait_ms", "events next_cursor"),
    get_roadmap: tool("milestone what_if limit cursor max_tokens", "milestones"),
    set_milestone: tool("name goal target parent due priority budget", "milestone"),
  },
  sandbox: {
    create_sandbox: tool(
      "name template files from_dir network limits ttl_s from_snapshot services backend",
      "id backend guarantees expires_at",
    ),
    run_command: tool(
      "sandbox_id argv script cwd env stdin timeout_s background wait_ms",
      "outcome exit_code stdout stderr receipt job_id",
    ),
    run_tests: tool(
      "sandbox_id command framework coverage changed",
      "passed failed skipped failures coverage flaky receipt",
    ),
    write_sandbox_files: tool("sandbox_id files", "written"),
    read_sandbox_file: tool("sandbox_id path offset length", ""),
    list_sandbox_files: tool("sandbox_id path depth", "files next_cursor"),
    search_sandbox_files: tool("sandbox_id pattern path", "matches next_cursor"),
    import_directory: tool("sandbox_id dir to", ""),
    export_changes: tool("sandbox_id", "patch files flagged"),
    snapshot_sandbox: tool("sandbox_id", "snapshot_id"),
    fork_sandbox: tool("sandbox_id count", "sandboxes"),
    delete_sandbox: tool("sandbox_id", ""),
    list_sandboxes: tool("limit cursor", "sandboxes next_cursor"),
    read_job: tool("job_id after wait_ms", ""),
    cancel_job: tool("job_id", ""),
  },
  git: {
    create_repository: tool("path clone_url depth", "repo head effects operation_id"),
    get_repo_status: tool(
      "repo",
      "branch detached unborn ahead behind staged modified untracked conflicted in_progress untrusted_config",
    ),
    get_repo_diff: tool("repo from to paths stat_only", "files patch truncated"),
    get_repo_history: tool("repo mode ref paths query", "commits lines next_cursor"),
    manage_branch: tool("repo action name from", "branch head effects operation_id"),
    commit_changes: tool("repo paths message expected_parent trailers sign", "commit effects operation_id"),
    sync_remote: tool("repo action remote branch force_with_lease", "refs effects operation_id"),
    get_pull_request: tool("repo number head", "pull_request"),
    write_pull_request: tool(
      "repo action number head base title body draft verdict expected_head",
      "pull_request effects operation_id",
    ),
    plan_release: tool("repo from", "version changelog"),
    publish_release: tool("repo version expected_head sign remote", "tag effects operation_id"),
    get_checks: tool("repo ref", "state checks"),
    search_repositories: tool("query cursor", "repositories next_cursor"),
    predict_conflicts: tool("repo branches worktrees paths", "pairs order"),
    undo_operation: tool("repo operation_id task_id", "undone effects operation_id"),
    add_worktree: tool("repo branch base ttl_s task_id", "worktree effects operation_id"),
    list_worktrees: tool("repo", "worktrees"),
    remove_worktree: tool("repo path id force", "effects operation_id"),
    preview_integration: tool("repo operation source target", "clean tree conflicts"),
    integrate_changes: tool(
      "repo operation source target expected_source expected_target message",
      "commit effects operation_id",
    ),
  },
  decision: {
    assess_risk: tool(
      "action repo base head facts",
      "assessment_id risk interval level factors model advice",
    ),
    decide: tool(
      "action assessment_id facts confidence critical subject",
      "decision_id verdict reasons rules_fired approval_id policy_version",
    ),
    get_approval: tool("approval_id", "status channel"),
    record_outcome: tool("decision_id outcome source at", "matures_at learned"),
    get_calibration: tool(
      "scope",
      "reliability brier ece ece_interval auto_share realised_risk budget within_budget",
    ),
    explain_decision: tool("decision_id", ""),
    cast_vote: tool("decision_id voter role score veto abstain rationale", "score quorum dissent verdict"),
    tally_votes: tool("decision_id", "score quorum dissent verdict"),
    raise_escalation: tool("reason facts subject", "tier deduplicated deadline state"),
    list_escalations: tool("", "escalations next_cursor"),
  },
};

/** Hard limits in tokens of o200k over the whole `tools/list` result. */
export const TOKEN_BUDGETS: Readonly<Record<ServerName, number>> = {
  memory: 3_000,
  tasks: 3_500,
  sandbox: 3_000,
  git: 4_500,
  decision: 3_000,
};

export const CORE_BUDGET = { tools: 30, tokens: 8_000 } as const;

/** Readers without `max_tokens`, because their answer is one record of bounded size. */
export const SMALL_ANSWERS: readonly string[] = [
  "get_approval",
  "explain_decision",
  "tally_votes",
  "explain_tasks",
  "get_calibration",
  "list_sandboxes",
];

/** Tools whose full description is in front of the model from the start. */
export const ALWAYS_LOADED: readonly string[] = ["claim_task", "recall", "run_command", "complete_task"];
