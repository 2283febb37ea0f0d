import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import { clipText } from "../../kernel/text.ts";
import { modelTool } from "./model-tool.ts";
import type { ModelTool } from "./model-tool.ts";
import type { Workspace } from "./runner.ts";
import { asData } from "./untrusted.ts";

const MOST_ENTRIES = 500;
const MOST_LINES = 400;
const MOST_LINE = 2_000;
const MOST_FILE = 40_000;
const MOST_LISTING = 20_000;
const MOST_OUTPUT = 12_000;

const path = z.string().min(1).max(1_000).describe("Relative to the repository root, with /");

/** Reading only: enough for planning and reviewing. */
export function readingTools(workspace: Workspace): readonly ModelTool[] {
  const listFiles = modelTool({
    name: "list_files",
    description: "Lists the files under a folder, whole paths. Use '.' for the repository root.",
    input: z.object({ path: path.default(".") }),
    async run(input) {
      const all = await workspace.list(input.path);
      const rest = all.length - MOST_ENTRIES;
      const text = asData(
        `files under ${input.path}`,
        clipText(all.slice(0, MOST_ENTRIES).join("\n"), MOST_LISTING),
      );
      return rest > 0 ? `${text}\n${rest} more; list a smaller folder.` : text;
    },
  });
  const readFile = modelTool({
    name: "read_file",
    description: `Reads a text file with line numbers, at most ${MOST_LINES} lines at a time.`,
    input: z.object({
      path,
      from_line: z.int().min(1).default(1),
      lines: z.int().min(1).max(MOST_LINES).default(MOST_LINES),
    }),
    async run(input) {
      const all = (await workspace.read(input.path)).split("\n");
      // A final line feed ends the last line, it does not begin another.
      if (all.at(-1) === "") all.pop();
      const first = input.from_line - 1;
      const shown = numbered(all.slice(first, first + input.lines), input.from_line);
      const rest = all.length - first - shown.length;
      const text = asData(`file ${input.path}, ${all.length} lines`, shown.join("\n"));
      return rest > 0 ? `${text}\n${rest} more lines from line ${first + shown.length + 1}.` : text;
    },
  });
  return [listFiles, readFile];
}

/** As many lines as fit into one answer, each with its number; a long line is cut in the middle. */
function numbered(lines: readonly string[], from: number): readonly string[] {
  const shown: string[] = [];
  let size = 0;
  for (const [at, line] of lines.entries()) {
    const text = `${String(from + at).padStart(5)}| ${clipText(line, MOST_LINE)}`;
    size += text.length + 1;
    if (size > MOST_FILE) break;
    shown.push(text);
  }
  return shown;
}

/** Changing files and running commands, in the task's own worktree. */
export function changingTools(workspace: Workspace): readonly ModelTool[] {
  const writeFile = modelTool({
    name: "write_file",
    description:
      "Writes a whole text file, making it where it is missing. For a small change use replace_text.",
    input: z.object({ path, text: z.string().max(1_000_000) }),
    async run(input) {
      await workspace.write(input.path, input.text);
      return `wrote ${input.path} (${Buffer.byteLength(input.text)} bytes)`;
    },
  });
  const replaceText = modelTool({
    name: "replace_text",
    description:
      "Replaces one exact text in a file. It must occur exactly once: add lines around it until it does.",
    input: z.object({ path, old_text: z.string().min(1).max(200_000), new_text: z.string().max(1_000_000) }),
    async run(input) {
      const before = await workspace.read(input.path);
      const at = before.indexOf(input.old_text);
      if (at < 0) {
        throw new DomainError("not_found", `old_text does not occur in ${input.path}`, {
          hint: "read the file again and copy the text without its line numbers",
        });
      }
      if (before.indexOf(input.old_text, at + 1) >= 0) {
        throw new DomainError("conflict", `old_text occurs more than once in ${input.path}`, {
          hint: "include lines around it",
        });
      }
      await workspace.write(
        input.path,
        before.slice(0, at) + input.new_text + before.slice(at + input.old_text.length),
      );
      return `replaced one place in ${input.path}`;
    },
  });
  const runCommand = modelTool({
    name: "run_command",
    description: "Runs a shell command in the repository root and returns its outcome, exit code and output.",
    input: z.object({
      command: z.string().min(1).max(20_000),
      timeout_s: z.int().min(1).max(900).default(120).describe("Limit of the program, in seconds"),
    }),
    async run(input) {
      const { outcome, exitCode, output } = await workspace.run(input.command, input.timeout_s);
      const head = `outcome: ${outcome}\nexit_code: ${exitCode ?? "none"}`;
      return `${head}\n${asData("output of the command", clipText(output, MOST_OUTPUT))}`;
    },
  });
  return [writeFile, replaceText, runCommand];
}
