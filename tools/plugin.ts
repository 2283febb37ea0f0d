/**
 * Writes the plugin's commands and agents from the servers' prompts and the orchestrator's roles: part of
 * `npm run docs`. With `--check` it writes nothing, and fails where a file is not what it would write.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadRoles } from "../orchestrator/roles/roles.ts";
import { decisionPrompts } from "../servers/decision/prompts.ts";
import { taskPrompts } from "../servers/tasks/prompts.ts";
import { root } from "./packages.ts";

interface Command {
  readonly file: string;
  readonly prompt: string;
  readonly hint: string;
  /** What stands for the prompt's arguments: Claude Code puts in what was typed. */
  readonly given: Readonly<Record<string, string>>;
  /** Said after the prompt. */
  readonly note: string;
}

const COMMANDS: readonly Command[] = [
  {
    file: "next",
    prompt: "work_next_task",
    hint: "[task id]",
    given: { agent: "claude" },
    note: "Asked for, where it is not empty: task_id $ARGUMENTS",
  },
  {
    file: "plan",
    prompt: "plan_project",
    hint: "<goal>",
    given: { goal: "$ARGUMENTS" },
    note: "",
  },
  {
    file: "review",
    prompt: "review_change",
    hint: "<branch> [base]",
    given: { repo: "this project's absolute path", head: "$1", base: "$2" },
    note: "Where base is empty: the branch that the main worktree has checked out.",
  },
];

const AGENTS = {
  planner:
    "Cuts a goal into tasks with acceptance, and adds them to the queue. Use it for a goal that is more than one change.",
  implementer: "Makes one change in a worktree and proves it in a sandbox. Use it for one claimed task.",
  reviewer: "Judges a change that it did not write. Use it before every merge of more than a few lines.",
} as const;

/** Where a role's text names the tools of the runner that it was written for. */
const AS_SUBAGENT = `You are called by another agent and not by the runner that the text below was written for: the job is what it tells you, and where the text names \`finish\`, \`give_up\`, \`submit_plan\` or \`submit_review\`, say the same as your last message. Slipway's tools are there: recall before you begin, and run the project's code in a sandbox only.`;

/** Every file that is written, by its path in the repository. */
export function pluginFiles(): ReadonlyMap<string, string> {
  const prompts = [...taskPrompts, ...decisionPrompts];
  const roles = loadRoles();
  const files = new Map<string, string>();
  for (const { file, prompt, hint, given, note } of COMMANDS) {
    const found = prompts.find(({ name }) => name === prompt);
    if (found === undefined) throw new Error(`there is no prompt ${prompt}`);
    const end = note === "" ? "" : `\n\n${note}`;
    files.set(
      `plugin/commands/${file}.md`,
      `---\ndescription: ${found.description}\nargument-hint: "${hint}"\n---\n\n${found.text(given)}${end}\n`,
    );
  }
  for (const role of ["planner", "implementer", "reviewer"] as const) {
    files.set(
      `plugin/agents/${role}.md`,
      `---\nname: ${role}\ndescription: ${AGENTS[role]}\n---\n\n${AS_SUBAGENT}\n\n${roles[role].prompt}\n`,
    );
  }
  return files;
}

function main(): number {
  const { values } = parseArgs({ options: { check: { type: "boolean" } } });
  const stale = [...pluginFiles()].filter(([path, text]) => {
    try {
      return readFileSync(join(root, path), "utf8") !== text;
    } catch {
      return true;
    }
  });
  if (values.check === true) {
    for (const [path] of stale) console.error(`${path} is not what it is written from: run npm run docs`);
    return stale.length === 0 ? 0 : 1;
  }
  for (const [path, text] of stale) writeFileSync(join(root, path), text);
  return 0;
}

if (import.meta.main) process.exitCode = main();
