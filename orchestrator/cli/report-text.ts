import type { RunView } from "../run/state.ts";
import type { Trace } from "../run/trace.ts";

/** A run in a few lines for people: what was asked, what became of each task, what it cost. */
export function reportText(run: RunView, trace: Trace, notes: readonly string[]): string {
  const merged = run.tasks.filter((task) => task.state === "merged").length;
  const seconds = ((Date.parse(run.at) - Date.parse(run.startedAt)) / 1_000).toFixed(1);
  const cost = run.usd === null ? "cost unknown" : `${run.usd.toFixed(2)} USD`;
  const efficiency =
    trace.token_efficiency === null
      ? ""
      : ` (${Math.round(trace.token_efficiency * 100)} % in merged attempts)`;
  const lines = run.tasks.flatMap((task) => {
    const where = task.commit === "" ? task.branch : task.commit.slice(0, 10);
    const first = `  ${task.state.padEnd(10)} ${task.ref}  ${task.title}${where === "" ? "" : `  (${where})`}`;
    const gates =
      task.gates.length === 0
        ? []
        : [
            `             ${task.gates.map(({ gate, verdict }) => `${gate} ${verdict.replace("_", " ")}`).join(", ")}`,
          ];
    const reasons =
      task.state === "merged"
        ? []
        : task.reasons.slice(0, 3).map((reason) => `             ${reason.split("\n")[0] ?? ""}`);
    return [first, ...gates, ...reasons];
  });
  return [
    `${run.id}: ${run.status}`,
    `  goal: ${run.goal}`,
    ...lines,
    ...isolationNote(run),
    ...trace.requirements
      .filter(({ covered }) => !covered)
      .map(({ id, text }) => `  uncovered: ${id}  ${text.split("\n")[0] ?? ""}`),
    ...notes.map((note) => `  note: ${note}`),
    `  ${merged} of ${run.tasks.length} merged in ${seconds} s, ${run.tokens} tokens${efficiency}, ${cost}`,
  ].join("\n");
}

export const UNISOLATED =
  "commands ran on this machine without isolation: neither Docker nor bubblewrap works here";

function isolationNote(run: RunView): readonly string[] {
  if (run.backends.length === 0) return [];
  return [
    `  isolation: ${run.backends.includes("unisolated") ? `none, ${UNISOLATED}` : run.backends.join(", ")}`,
  ];
}
