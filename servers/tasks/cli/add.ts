import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags, type Flags } from "../../../kernel/flags.ts";
import { EXIT, type Command, type Io } from "../../../kernel/io.ts";
import { oneLine } from "../../../kernel/text.ts";
import { parseYaml } from "../../../kernel/yaml.ts";
import { addTasks } from "../tools/add-tasks.ts";
import { COMMON, withQueue } from "./queue.ts";

const HELP = `slipway tasks add "<title>" [flags]
slipway tasks add --file FILE

Adds one task, or all tasks of a file, and prints the new ids. The file is YAML or JSON ("-" reads stdin): a list of
tasks, or an object with such a list under "tasks", with the fields of the tool add_tasks. All are added or none.

  --description TEXT  what is to be done
  --priority N        1 to 10, 10 is the most urgent (5)
  --depends-on ID     waits for this task's success (may be repeated)
  --run COMMAND       done when this command passes in a sandbox (may be repeated)
  --tests COMMAND     the same for tests (may be repeated)
  --path GLOB         reserved while it runs (may be repeated)
  --capability C      only for agents with it (may be repeated)
  --type T            a word of yours
  --milestone M       the milestone it belongs to
  --assignee A        only for this agent
  --not-before TIME   not given out before (ISO 8601)
  --json              one JSON object a line: id, status, ref
  --home DIR          state folder; made where there is none`;

const many = { type: "string", multiple: true } as const;
const one = { type: "string" } as const;

const OF_ONE_TASK = {
  description: one,
  priority: one,
  "depends-on": many,
  run: many,
  tests: many,
  path: many,
  capability: many,
  type: one,
  milestone: one,
  assignee: one,
  "not-before": one,
} as const;

/** What the tool answers, as far as a line tells it. */
const Added = z.object({
  tasks: z.array(z.object({ ref: z.string().optional(), id: z.string(), status: z.string() })),
});

/** `slipway tasks add`: one line for each new task, in the order of the file. */
export const addCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, { ...COMMON, ...OF_ONE_TASK, file: one }, 1);
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const input = parseTasks(wanted(flags, io));
  return withQueue(
    flags,
    io,
    async ({ deps, call }) => {
      const { tasks } = Added.parse(await addTasks.run(input, deps, call));
      for (const [place, task] of tasks.entries()) {
        const title = oneLine(input.tasks[place]?.title ?? "", 100);
        io.out(flags.has("json") ? JSON.stringify(task) : `${task.id}  ${task.status.padEnd(14)}  ${title}`);
      }
      return EXIT.done;
    },
    true,
  );
};

/** The tasks of the flags or of the file, as the tool takes them. */
function wanted(flags: Flags, io: Io): unknown {
  const file = flags.text("file");
  const [title] = flags.words;
  if (file === undefined) {
    if (title === undefined)
      throw new DomainError("invalid", "what is to be done?", { hint: 'slipway tasks add "<title>"' });
    return [oneTask(title, flags)];
  }
  const beside = Object.keys(OF_ONE_TASK).find(
    (name) => flags.text(name) !== undefined || flags.texts(name).length > 0,
  );
  if (title !== undefined || beside !== undefined) {
    throw new DomainError(
      "invalid",
      `--file does not go with ${beside === undefined ? "a title" : `--${beside}`}`,
      {
        hint: "put it into the file",
      },
    );
  }
  return tasksOfFile(file, io);
}

function oneTask(title: string, flags: Flags): unknown {
  return {
    title,
    description: flags.text("description"),
    priority: flags.int("priority", 1, 10),
    depends_on: flags.texts("depends-on"),
    acceptance: [
      ...flags.texts("run").map((run) => ({ run })),
      ...flags.texts("tests").map((tests) => ({ tests })),
    ],
    paths: flags.texts("path"),
    capabilities: flags.texts("capability"),
    type: flags.text("type"),
    milestone: flags.text("milestone"),
    assignee: flags.text("assignee"),
    not_before: flags.text("not-before"),
  };
}

const FORM = "a list of tasks, or tasks: [{title, ref?, depends_on?, …}]";

function tasksOfFile(file: string, io: Io): unknown {
  const value = parseYaml(file, readText(file, io), FORM);
  return value !== null && typeof value === "object" && "tasks" in value ? value.tasks : value;
}

function readText(file: string, io: Io): string {
  try {
    return readFileSync(file === "-" ? process.stdin.fd : resolve(io.cwd, file), "utf8");
  } catch (error) {
    throw new DomainError("invalid", `the file ${file} cannot be read`, {
      hint: "check the path given with --file",
      cause: error,
    });
  }
}

/** @throws {DomainError} invalid, naming the place. */
function parseTasks(tasks: unknown): z.output<typeof addTasks.input> {
  const parsed = addTasks.input.safeParse({ tasks });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DomainError(
    "invalid",
    `wrong at ${issue?.path.map(String).join(".") ?? "its top"}: ${issue?.message ?? "unreadable"}`,
    { hint: FORM },
  );
}
