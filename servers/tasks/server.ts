import { bindPrompts } from "../../kernel/mcp/prompt.ts";
import { bindResources } from "../../kernel/mcp/resource.ts";
import { bindTools, type ToolServer } from "../../kernel/mcp/server.ts";
import type { Tool } from "../../kernel/mcp/tool.ts";
import type { TasksDeps } from "./deps.ts";
import { taskPrompts } from "./prompts.ts";
import { taskResources } from "./resources.ts";
import { addTasks } from "./tools/add-tasks.ts";
import { claimTask } from "./tools/claim-task.ts";
import { completeTask } from "./tools/complete-task.ts";
import { explainTasks } from "./tools/explain-tasks.ts";
import { failTask } from "./tools/fail-task.ts";
import { getRoadmap } from "./tools/get-roadmap.ts";
import { getTask } from "./tools/get-task.ts";
import { listAgents } from "./tools/list-agents.ts";
import { listTasks } from "./tools/list-tasks.ts";
import { readTaskEvents } from "./tools/read-events.ts";
import { registerAgent } from "./tools/register-agent.ts";
import { readMessages } from "./tools/read-messages.ts";
import { releaseTask } from "./tools/release-task.ts";
import { reportProgress } from "./tools/report-progress.ts";
import { reviewTask } from "./tools/review-task.ts";
import { sendMessage } from "./tools/send-message.ts";
import { setMilestone } from "./tools/set-milestone.ts";
import { updateTask } from "./tools/update-task.ts";

const tools = [
  addTasks,
  claimTask,
  reportProgress,
  completeTask,
  failTask,
  releaseTask,
  reviewTask,
  updateTask,
  getTask,
  listTasks,
  explainTasks,
  registerAgent,
  listAgents,
  sendMessage,
  readMessages,
  readTaskEvents,
  setMilestone,
  getRoadmap,
] as const satisfies readonly Tool<TasksDeps>[];

export type TasksTools = typeof tools;

/** The queue as an MCP server. */
export function createTasksServer(deps: TasksDeps): ToolServer {
  return {
    name: "tasks",
    instructions:
      "A queue of tasks that many agents share. add_tasks plans, claim_task takes the next ready one, complete_task or fail_task ends it. A claim is a lease: report_progress keeps it.",
    tools: bindTools(tools, deps, deps.store),
    prompts: bindPrompts(taskPrompts, deps),
    resources: bindResources(taskResources, deps),
    log: deps.log,
    close: async () => deps.store.close(),
  };
}
