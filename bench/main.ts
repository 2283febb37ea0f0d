/**
 * The figures that a reader asks for first: `npm run bench`. Prints markdown for docs/measurements.
 *
 *     main.ts [--starts N] [--calls N]
 */
import { parseArgs } from "node:util";
import { CALL_HEAD, callRow, measureClaims, measureRunEvents, measureStoreTools } from "./calls.ts";
import { machineLine, markdownTable } from "./machine.ts";
import { measureStarts, type StartFigures } from "./starts.ts";

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

const { values } = parseArgs({
  options: { starts: { type: "string", default: "15" }, calls: { type: "string", default: "500" } },
});
const calls = Number(values.calls);

process.stdout.write(`${machineLine(new Date())}\n\n`);
process.stdout.write(
  `${markdownTable(START_HEAD, (await measureStarts(Number(values.starts))).map(startRow))}\n\n`,
);
const figures = [
  ...(await measureStoreTools(calls)),
  await measureClaims(1_000, calls),
  await measureClaims(20_000, calls),
  { ...(await measureRunEvents(calls)), what: "run event append (in process)" },
];
process.stdout.write(`${markdownTable(CALL_HEAD, figures.map(callRow))}\n\n${machineLine(new Date())}\n`);
