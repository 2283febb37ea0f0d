import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DomainError } from "../../../kernel/errors.ts";
import { parseCommandLine } from "../../../orchestrator/runners/command-line.ts";
import { parseRunnerSpec } from "../../../orchestrator/runners/runner-spec.ts";

describe("a command line", () => {
  test.each([
    ["agent", ["agent"]],
    ["  agent   --fast\t-x  ", ["agent", "--fast", "-x"]],
    ["sh -c 'echo \"$HOME\" | wc'", ["sh", "-c", 'echo "$HOME" | wc']],
    ['a "b c" "" \'\'', ["a", "b c", "", ""]],
    ['a "say \\"hi\\" \\\\ \\n"', ["a", 'say "hi" \\ \\n']],
    ["a\\ b c\\;d", ["a b", "c;d"]],
    ["pre'mid'\"post\"", ["premidpost"]],
  ])("%j", (line, words) => {
    expect(parseCommandLine(line)).toEqual(words);
  });

  test.each([
    "",
    "   ",
    "''",
    "a 'open",
    'a "open',
    "a \\",
    "a | b",
    "a; b",
    "a && b",
    "a > f",
    "a $(b)",
    "a `b`",
    "a $HOME",
    "a \0",
  ])("%j is refused", (line) => {
    expect(() => parseCommandLine(line)).toThrow(DomainError);
  });

  test("any words come back when each is quoted", () => {
    const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.array(fc.string()), (program, rest) => {
        expect(parseCommandLine([program, ...rest].map(quote).join(" "))).toEqual([program, ...rest]);
      }),
    );
  });
});

test.each([
  ["api", { kind: "api" }],
  ["command:node x.js", { kind: "command", argv: ["node", "x.js"] }],
  ["scripted:my script.json", { kind: "scripted", file: "my script.json" }],
])("the runner %j is understood", (text, spec) => {
  expect(parseRunnerSpec(text)).toEqual(spec);
});

test.each(["", "API", "command:", "scripted:", "gpt"])("the runner %j is refused", (text) => {
  expect(() => parseRunnerSpec(text)).toThrow(DomainError);
});
