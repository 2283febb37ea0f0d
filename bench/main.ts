/**
 * The figures that a reader asks for first: `npm run bench`. Prints markdown for docs/measurements.
 *
 *     main.ts [--starts N] [--calls N]
 *     main.ts memory-recall [--calls N]           recall and remember at 1,000 to 100,000 records
 *     main.ts sandbox [--calls N]                 sandboxes beside raw Docker and bubblewrap
 *     main.ts git [--calls N]                    the git tools beside raw git
 *     main.ts tasks [--peers DIR] [--calls N]    the queue beside the task servers of others
 */
import { parseArgs } from "node:util";
import { CALL_HEAD, callRow, measureClaims, measureRunEvents, measureStoreTools } from "./calls.ts";
import { measureDecide } from "./decide.ts";
import { benchGit } from "./git/overhead.ts";
import { machineLine, markdownTable } from "./machine.ts";
import { measureRecall, RECALL_HEAD, recallRow } from "./recall.ts";
import { benchSandbox } from "./sandbox.ts";
import { measureStarts, type StartFigures } from "./starts.ts";
import { compareTasks } from "./tasks/compare.ts";

const START_HEAD = [
  "server",
  "tools",
  "tools/list tokens",
  "start p50 ms",
  "start min ms",
  "CPU ms",
  "idle RSS MB",
];

function startRow({ name, tools, tokens, p50Ms, minMs, cpuMs, rssMb }: StartFigures): readonly string[] {
  const shown = name === "all" ? "all (core tools)" : name;
  return [
    shown,
    `${tools}`,
    tokens.toLocaleString("en"),
    p50Ms.toFixed(0),
    minMs.toFixed(0),
    cpuMs.toFixed(0),
    rssMb.toFixed(0),
  ];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    starts: { type: "string", default: "15" },
    calls: { type: "string" },
    peers: { type: "string" },
  },
});

process.stdout.write(`${machineLine(new Date())}\n\n`);
if (positionals.includes("tasks"))
  process.stdout.write(`${await compareTasks(values.peers, Number(values.calls ?? 20))}\n`);
else if (positionals.includes("git"))
  process.stdout.write(`${await benchGit(Number(values.calls ?? 100))}\n`);
else if (positionals.includes("sandbox"))
  process.stdout.write(`${await benchSandbox(Number(values.calls ?? 30))}\n`);
else if (positionals.includes("memory-recall")) await benchRecall(Number(values.calls ?? 200));
else await benchAll(Number(values.starts), Number(values.calls ?? 500));
process.stdout.write(`\n${machineLine(new Date())}\n`);

async function benchRecall(calls: number): Promise<void> {
  const rows = [];
  for (const records of [1_000, 10_000, 100_000]) rows.push(recallRow(await measureRecall(records, calls)));
  process.stdout.write(`${markdownTable(RECALL_HEAD, rows)}\n`);
}

async function benchAll(starts: number, calls: number): Promise<void> {
  process.stdout.write(`${markdownTable(START_HEAD, (await measureStarts(starts)).map(startRow))}\n\n`);
  const figures = [
    ...(await measureStoreTools(calls)),
    await measureClaims(1_000, calls),
    await measureClaims(20_000, calls),
    await measureDecide(10_000, calls),
    { ...(await measureRunEvents(calls)), what: "run event append (in process)" },
  ];
  process.stdout.write(`${markdownTable(CALL_HEAD, figures.map(callRow))}\n`);
}
