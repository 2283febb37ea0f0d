import { DomainError } from "../../../kernel/errors.ts";

/** A data row with the line of the file it starts on, from 1. */
export interface CsvRow {
  readonly line: number;
  readonly fields: readonly string[];
}

export interface Csv {
  readonly header: readonly string[];
  readonly rows: readonly CsvRow[];
}

/** A quoted field, or one without quotes; then what ends it. */
const FIELD = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r\n|\n|$)/y;

/**
 * Reads comma-separated text with a header: quoted fields, doubled quotes, either line end, a byte order mark. Empty
 * lines are skipped.
 *
 * Source: RFC 4180.
 *
 * @throws {DomainError} invalid, naming the line, for a stray or open quote or a row of another length than the header.
 */
export function readCsv(text: string): Csv {
  const records = [...recordsOf(text.replace(/^\uFEFF/, ""))];
  const [header, ...rows] = records;
  if (header === undefined)
    throw new DomainError("invalid", "the file is empty", { hint: "give it a header line" });
  const wanted = header.fields.length;
  for (const { line, fields } of rows) {
    if (fields.length !== wanted)
      throw new DomainError("invalid", `line ${line} has ${fields.length} fields, the header ${wanted}`);
  }
  return { header: header.fields.map((name) => name.trim()), rows };
}

function* recordsOf(text: string): Generator<CsvRow> {
  let [at, line, start] = [0, 1, 1];
  let fields: string[] = [];
  while (at < text.length || fields.length > 0) {
    FIELD.lastIndex = at;
    const found = FIELD.exec(text);
    if (found === null)
      throw new DomainError(
        "invalid",
        `line ${line}: a quote is left open or stands inside a field, or a line ends in a bare carriage return`,
        {
          hint: 'quote the whole field and write "" for a quote in it',
        },
      );
    const [all, quoted, plain = "", end] = found;
    at += all.length;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += all.split("\n").length - 1;
    if (end === ",") continue;
    if (fields.length > 1 || all.trim() !== "") yield { line: start, fields };
    [fields, start] = [[], line];
  }
}
