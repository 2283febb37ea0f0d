import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { backtest } from "../../../../servers/decision/cli/backtest.ts";
import { seededRandom } from "../../../../servers/decision/domain/learning/seeded-random.ts";
import { slipway } from "../../../support/slipway-process.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-backtest-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(argv: readonly string[], signal = new AbortController().signal): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await backtest(argv, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    env: {},
    cwd: folder,
    terminal: undefined,
    signal,
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

/** Rows newest first; `leak` is a copy of the label, which no model may read. */
function csv(rows: number): string {
  const random = seededRandom(4);
  const lines = Array.from({ length: rows }, (_, i) => {
    const la = Math.floor(random() * 100);
    const label = random() < la / 100 ? 1 : 0;
    return `${i},${(rows - i) * 3_600},${label},${label},${la}`;
  });
  return `,date,bug,leak,la\n${lines.join("\n")}\n`;
}

const forecasts = (name: string): readonly string[] =>
  readFileSync(join(folder, name), "utf8").trimEnd().split("\n");

const Report = z.object({
  rows: z.number(),
  scored: z.number(),
  label_delay_days: z.number(),
  models: z.record(z.string(), z.object({ auc: z.number().nullable(), ece: z.number().nullable() })),
  predict_learn_us: z.number(),
});

test("as a process: a forecast for every row, in the file's order, and a report for programs", async () => {
  writeFileSync(join(folder, "c.csv"), csv(300));
  const argv = [
    "decision",
    "backtest",
    "--csv",
    "c.csv",
    "--label-delay-days",
    "2",
    "--predictions",
    "p.csv",
    "--json",
  ];
  const { code, out, err } = await slipway(argv, { cwd: folder });
  expect(code).toBe(0);
  expect(err.join("\n")).toContain("unknown, there is no column: ns, nd");
  const report = Report.parse(JSON.parse(out.join("")));
  expect(report).toMatchObject({ rows: 300, scored: 150, label_delay_days: 2 });
  expect(Object.keys(report.models)).toEqual([
    "model",
    "logistic",
    "trees",
    "formula",
    "lines_added",
    "base_rate",
  ]);
  const [header, ...lines] = forecasts("p.csv");
  expect(header).toBe("row,p");
  expect(lines.map((line) => Number(line.split(",")[0]))).toEqual(Array.from({ length: 300 }, (_, i) => i));
  expect(lines.every((line) => Number(line.split(",")[1]) > 0 && Number(line.split(",")[1]) < 1)).toBe(true);
  // The oldest are at the end of this file, and nothing was known of them.
  expect(lines.at(-1)).toBe("299,0.25");
  expect(existsSync(join(folder, ".slipway"))).toBe(false);
});

test("a column that holds the answer is not read", async () => {
  writeFileSync(join(folder, "c.csv"), csv(300));
  writeFileSync(join(folder, "d.csv"), csv(300).replaceAll(/^(\d+,\d+,\d),\d,/gm, "$1,7,"));
  await run(["--csv", "c.csv", "--predictions", "p.csv"]);
  await run(["--csv", "d.csv", "--predictions", "q.csv"]);
  expect(forecasts("q.csv")).toEqual(forecasts("p.csv"));
});

test("the delay is 90 days unless told", async () => {
  writeFileSync(join(folder, "c.csv"), csv(100));
  // All labels are younger than 90 days, so that none is learned.
  expect((await run(["--csv", "c.csv", "--predictions", "p.csv"])).out).toContain("labels 90 days late");
  expect(
    new Set(
      forecasts("p.csv")
        .slice(-4)
        .map((line) => line.split(",")[1]),
    ),
  ).toEqual(new Set(["0.25"]));
});

test("all dates alike are the file's order", async () => {
  writeFileSync(join(folder, "c.csv"), csv(60).replaceAll(/^(\d+),\d+,/gm, "$1,77,"));
  expect(await run(["--csv", "c.csv", "--label-delay-days", "0", "--predictions", "p.csv"])).toMatchObject({
    code: 0,
  });
  expect(forecasts("p.csv").slice(0, 5)).toEqual(["row,p", "0,0.25", "1,0.25", "2,0.25", "3,0.25"]);
});

test("it stops when interrupted, and writes nothing", async () => {
  writeFileSync(join(folder, "c.csv"), csv(5_001));
  const { code, err } = await run(
    ["--csv", "c.csv", "--predictions", "p.csv", "--label-delay-days", "365"],
    AbortSignal.abort(),
  );
  expect(code).toBe(130);
  expect(err).toContain("5000 of 5001 changes");
  expect(existsSync(join(folder, "p.csv"))).toBe(false);
});

test.each<[name: string, text: string | null, argv: readonly string[], code: number, err: RegExp]>([
  ["no file named", null, [], 2, /which changes\? \(--csv FILE\)/],
  ["no such file", null, ["--csv", "none.csv"], 1, /can't be read/],
  ["a folder", null, ["--csv", "."], 1, /can't be read/],
  ["an empty file", "", ["--csv", "c.csv"], 2, /the file is empty/],
  ["no label", "date,la\n1,1\n", ["--csv", "c.csv"], 2, /no column bug or buggy/],
  ["one class", "date,bug,la\n1,0,1\n2,0,1\n", ["--csv", "c.csv"], 2, /nothing to tell apart/],
  ["a word for a number", "date,bug,la\n1,0,many\n2,1,1\n", ["--csv", "c.csv"], 2, /line 2: la "many"/],
  ["NaN for a label", "date,bug,la\n1,0,1\n2,nan,1\n", ["--csv", "c.csv"], 2, /line 3: bug "nan"/],
  [
    "a negative delay",
    "date,bug,la\n1,0,1\n",
    ["--csv", "c.csv", "--label-delay-days=-1"],
    2,
    /takes a number from 0/,
  ],
  [
    "no folder to write to",
    "date,bug,la\n1,0,1\n2,1,1\n",
    ["--csv", "c.csv", "--predictions", "no/p.csv"],
    4,
    /can't be written/,
  ],
  [
    "its own input to write to",
    "date,bug,la\n1,0,1\n2,1,1\n",
    ["--csv", "c.csv", "--predictions", "./c.csv"],
    2,
    /overwrite/,
  ],
])("refused in one line: %s", async (_name, text, argv, code, err) => {
  if (text !== null) writeFileSync(join(folder, "c.csv"), text);
  const ran = await run(argv);
  expect(ran.code).toBe(code);
  expect(ran.out).toBe("");
  expect(ran.err.split("\n").filter((line) => !line.startsWith("unknown, "))).toEqual([
    expect.stringMatching(err),
  ]);
  if (text !== null) expect(readFileSync(join(folder, "c.csv"), "utf8")).toBe(text);
});
