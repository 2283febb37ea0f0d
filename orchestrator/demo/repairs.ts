/** The content of files, by path, as the tools really showed them. */
export type Files = ReadonlyMap<string, string>;

/** One change of one file: a text that occurs once, or the whole file. */
export type Edit =
  | {
      readonly tool: "replace_text";
      readonly input: { readonly path: string; readonly old_text: string; readonly new_text: string };
    }
  | { readonly tool: "write_file"; readonly input: { readonly path: string; readonly text: string } };

/**
 * What the demo's script knows how to repair. It is found by its symptom in the output of a failing test, and its
 * edit is worked out from the files as they were read: null where they are not what the symptom led to expect.
 */
export interface Repair {
  readonly symptom: RegExp;
  readonly reads: readonly string[];
  readonly says: string;
  edit(files: Files, symptom: RegExpExecArray): Edit | null;
  /** A change that looks right and is not; absent where the sabotage never gets that far. */
  wrong?(files: Files): Edit | null;
}

const MONEY = "src/money.js";
const DISCOUNT = "src/discount.js";
const INVOICE = "src/invoice.js";

export const REPAIRS: readonly Repair[] = [
  {
    // An amount that came out one cent short: 114 !== 115.
    symptom: /^(?=[\s\S]*money\.test\.js)[\s\S]*\b\d+ !== \d+/,
    reads: [MONEY],
    says: "Number(text) * 100 is not exact, so cutting it loses a cent; it has to be rounded.",
    edit: (files) => replaceCall(files, MONEY, /Math\.floor\((Number\(\w+\) \* 100)\)/, "Math.round($1)"),
    wrong: (files) => replaceCall(files, MONEY, /Math\.floor\((Number\(\w+\) \* 100)\)/, "Math.ceil($1)"),
  },
  {
    symptom: /^(?=[\s\S]*discount\.test\.js)[\s\S]*\b0 !== \d+/,
    reads: [DISCOUNT],
    says: "A tier holds from its quantity on, but the comparison leaves that quantity out.",
    edit: (files) => replaceCall(files, DISCOUNT, /\((\w+) > (\w+\.from)\)/, "($1 >= $2)"),
    wrong: (files) => replaceCall(files, DISCOUNT, /\((\w+) > (\w+\.from)\)/, "($1 > $2 - 2)"),
  },
  {
    symptom: /\binvoice\.(\w+) is not a function/,
    reads: [INVOICE, DISCOUNT],
    says: "The total is missing; it needs the price of a line and the discount of its quantity.",
    edit: (files, symptom) => addTotal(files, symptom[1]),
  },
];

function replaceCall(files: Files, path: string, pattern: RegExp, replacement: string): Edit | null {
  const found = pattern.exec(files.get(path) ?? "");
  if (found === null) return null;
  return {
    tool: "replace_text",
    input: { path, old_text: found[0], new_text: found[0].replace(pattern, replacement) },
  };
}

/** Writes the missing function with the names that the two files really export. */
function addTotal(files: Files, name: string | undefined): Edit | null {
  const invoice = files.get(INVOICE) ?? "";
  const line = /^export function (\w+)\(line\)/m.exec(invoice)?.[1];
  const percent = /^export function (\w+)\(quantity, tiers\)/m.exec(files.get(DISCOUNT) ?? "")?.[1];
  if (name === undefined || line === undefined || percent === undefined) return null;
  const text = `import { ${percent} } from "./discount.js";
${invoice.trimEnd()}

/** The total of all lines in cents; each line gets the discount of its quantity, to the nearest cent. */
export function ${name}(lines, tiers) {
  let total = 0;
  for (const line of lines) {
    total += Math.round((${line}(line) * (100 - ${percent}(line.quantity, tiers))) / 100);
  }
  return total;
}
`;
  return { tool: "write_file", input: { path: INVOICE, text } };
}
