import type { RunView } from "../run/state.ts";
import type { Trace } from "../run/trace.ts";

/** A run as a Markdown page: what was asked, what serves it, what proves it, where it is. */
export function reportMarkdown(run: RunView, { requirements, tasks, token_efficiency }: Trace): string {
  const cost = run.usd === null ? "unknown" : `${run.usd.toFixed(2)} USD`;
  const efficiency =
    token_efficiency === null ? "" : `, ${Math.round(token_efficiency * 100)} % of them in merged attempts`;
  return [
    `# ${run.id}: ${run.status}`,
    "",
    cell(run.goal),
    "",
    `${run.tokens} tokens${efficiency}, cost ${cost}.`,
    "",
    "## Requirements",
    "",
    ...(requirements.length === 0
      ? ["The plan states none."]
      : table(
          ["requirement", "text", "tasks", "covered"],
          requirements.map(({ id, text, tasks: serving, covered }) => [
            cell(id),
            cell(text),
            serving.join(", ") || "none",
            covered ? "yes" : "**no**",
          ]),
        )),
    "",
    "## Tasks",
    "",
    ...table(
      ["task", "title", "serves", "state", "attempts", "tests", "commit"],
      tasks.map((task) => [
        task.ref,
        cell(task.title),
        cell(task.requirements.join(", ")),
        task.state.replaceAll("_", " "),
        String(task.attempt),
        task.tests.map(({ command, exit_code }) => `${cell(command)} (${exitOf(exit_code)})`).join("; ") ||
          "none",
        task.commit.slice(0, 10),
      ]),
    ),
  ].join("\n");
}

function exitOf(code: number | null): string {
  return code === null ? "did not end" : `exit ${code}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
}

/** Text of others must not break out of its cell, nor become markup. */
function cell(text: string): string {
  return text
    .replaceAll(/\s+/gu, " ")
    .trim()
    .replaceAll(/[\\|`*_[\]]/gu, "\\$&")
    .replaceAll("<", "&lt;");
}
