import fc from "fast-check";
import { expect, test } from "vitest";
import { readCsv } from "../../../../servers/decision/adapters/csv.ts";
import { parsePastChanges } from "../../../../servers/decision/adapters/past-changes.ts";

const rowsOf = (text: string): readonly (readonly string[])[] =>
  readCsv(text).rows.map(({ fields }) => fields);

test.each<[name: string, text: string, rows: readonly (readonly string[])[]]>([
  ["plain", "a,b\n1,2\n", [["1", "2"]]],
  ["no end of line", "a,b\n1,2", [["1", "2"]]],
  [
    "CRLF",
    "a,b\r\n1,2\r\n3,4\r\n",
    [
      ["1", "2"],
      ["3", "4"],
    ],
  ],
  ["a byte order mark", "\uFEFFa,b\n1,2", [["1", "2"]]],
  ["quotes, a comma, a line end and quotes inside", 'a,b\n"x,\n""y""",2', [['x,\n"y"', "2"]]],
  ["empty fields at the end", "a,b\n,", [["", ""]]],
  ["empty lines", "a,b\n\n1,2\n\n", [["1", "2"]]],
  ["only a header", "a,b\n", []],
])("%s", (_name, text, rows) => {
  expect(readCsv(text).header).toEqual(["a", "b"]);
  expect(rowsOf(text)).toEqual(rows);
});

test("what is written with quotes is read back", () => {
  const table = fc.array(fc.array(fc.string(), { minLength: 2, maxLength: 2 }), { maxLength: 6 });
  fc.assert(
    fc.property(table, fc.constantFrom("\n", "\r\n"), (rows, end) => {
      const quoted = rows.map((row) => row.map((field) => `"${field.replaceAll('"', '""')}"`).join(","));
      expect(rowsOf(["a,b", ...quoted].join(end))).toEqual(rows);
    }),
  );
});

test("a field of five million characters is read, an open one refused at its line", () => {
  const long = "x\n".repeat(2_500_000);
  expect(rowsOf(`a,b\n"${long}",2`)[0]?.[0]?.length).toBe(5_000_000);
  expect(() => readCsv(`a,b\n1,2\n3,"${long}`)).toThrow(/line 3: a quote is left open/);
});

test.each<[name: string, text: string, message: RegExp]>([
  ["nothing", "", /the file is empty/],
  ["a short row", "a,b\n1,2\n3\n", /line 3 has 1 fields, the header 2/],
  ["a row too long, after a field over two lines", 'a,b\n"x\ny",2\n1,2,3', /line 4 has 3 fields/],
  ["a quote inside a field", 'a,b\n1,x"y\n', /line 2: a quote/],
  ["text after a quote", 'a,b\n1,"x"y\n', /line 2: a quote/],
  ["old line ends", "a,b\r1,2\r", /line 1: .*carriage return/],
])("refused: %s", (_name, text, message) => {
  expect(() => readCsv(text)).toThrow(message);
});

test("columns by name and by their other names; all others are ignored", () => {
  const [first] = parsePastChanges(
    "x,buggy,leak,author_date,ent,aexp,fix,la\n9,True,1,100,1.5,7,False,\n9,0,0,100,0,1,1,3\n",
  ).changes;
  expect(first).toMatchObject({ row: 0, at: 100, label: 1 });
  expect(first?.metrics).toMatchObject({ entropy: 1.5, exp: 7, fix: 0, la: null, nd: null });
  const { missing } = parsePastChanges("date,bug,la\n1,0,1\n2,1,1\n");
  expect(missing).toHaveLength(13);
});

test.each(["-5", "NaN", "inf", "-Infinity", "NA", "null"])(
  "a metric of %s is unknown, and counted",
  (value) => {
    const { changes, unusable } = parsePastChanges(`date,bug,la,age\n1,0,1,${value}\n2,1,1,2\n`);
    expect(changes.map(({ metrics }) => metrics.age)).toEqual([null, 2]);
    expect(unusable).toBe(1);
  },
);

test.each<[name: string, text: string, message: RegExp]>([
  ["no date", "bug,la\n1,1\n", /no column date or author_date/],
  ["no label", "date,la\n1,1\n", /no column bug or buggy/],
  ["no metric", "date,bug\n1,1\n", /no column is a change metric/],
  ["a column twice", "date,bug,la,la\n1,1,1,1\n", /column la is there twice/],
  ["no rows", "date,bug,la\n", /no rows/],
  ["one class", "date,bug,la\n1,1,1\n2,1,1\n", /every row has the label 1/],
  ["an empty label", "date,bug,la\n1,,1\n", /line 2: bug \(empty\)/],
  ["another label", "date,bug,la\n1,0,1\n1,2,1\n", /line 3: bug "2"/],
  ["beyond all numbers", "date,bug,la\n1,0,1e999\n", /line 2: la "1e999"/],
  [
    "a calendar date",
    "date,bug,la\n2020-01-01,0,1\n",
    /line 2: date "2020-01-01" is not a time in unix seconds/,
  ],
  ["milliseconds", "date,bug,la\n1388666079000,0,1\n", /unix seconds/],
])("refused: %s", (_name, text, message) => {
  expect(() => parsePastChanges(text)).toThrow(message);
});
