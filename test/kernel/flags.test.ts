import fc from "fast-check";
import { expect, test } from "vitest";
import { DomainError } from "../../kernel/errors.ts";
import { nearest, parseFlags } from "../../kernel/flags.ts";

const OPTIONS = {
  home: { type: "string" },
  host: { type: "string" },
  port: { type: "string" },
  "token-file": { type: "string" },
  token: { type: "string" },
  http: { type: "boolean" },
  root: { type: "string", multiple: true },
  help: { type: "boolean", short: "h" },
} as const;

function refusal(argv: readonly string[], maxWords?: number): string {
  try {
    const flags = parseFlags(argv, OPTIONS, maxWords);
    flags.int("port", 0, 65_535);
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== "invalid") throw error;
    return `${error.message} (${error.hint ?? ""})`;
  }
  throw new Error("it was taken");
}

test("flags in both spellings, repeated, before and after words, and none after --", () => {
  const flags = parseFlags(
    ["a", "--home=x", "--port", "80", "--root", "1", "--root=2", "--http", "b", "--", "--home"],
    OPTIONS,
  );
  expect(flags.words).toEqual(["a", "b", "--home"]);
  expect(flags.text("home")).toBe("x");
  expect(flags.int("port", 0, 100)).toBe(80);
  expect(flags.texts("root")).toEqual(["1", "2"]);
  expect([
    flags.has("http"),
    flags.has("help"),
    flags.text("host"),
    flags.texts("home"),
    flags.int("host", 0, 1),
  ]).toEqual([true, false, undefined, [], undefined]);
  expect(parseFlags(["--home", "a", "--home=b"], OPTIONS).text("home")).toBe("b");
  expect(parseFlags(["--home=a=b"], OPTIONS).text("home")).toBe("a=b");
  expect(parseFlags(["-h"], OPTIONS).has("help")).toBe(true);
});

test.each([
  [["--hom", "x"], "unknown flag --hom (did you mean --home?)"],
  [["-h", "--tokenfile=x"], "unknown flag --tokenfile (did you mean --token-file?)"],
  [["--entirely-else"], "unknown flag --entirely-else (see --help)"],
  [["-x"], "unknown flag -x (see --help)"],
  [["--toString"], "unknown flag --toString (see --help)"],
  [["--token-file"], "--token-file needs a value (see --help)"],
  [["--token"], "--token needs a value (see --help)"],
  [["--port", "--http"], "--port needs a value (see --help)"],
  [["--http=yes"], "--http takes no value (see --help)"],
  [["-h=1"], "unknown flag -= (see --help)"],
  [["--port", "x"], '--port takes a number from 0 to 65535, not "x" (see --help)'],
  [["--port="], '--port takes a number from 0 to 65535, not "" (see --help)'],
  [["--port", "65536"], '--port takes a number from 0 to 65535, not "65536" (see --help)'],
  [["--port=-1"], '--port takes a number from 0 to 65535, not "-1" (see --help)'],
  [["--port", "Infinity"], '--port takes a number from 0 to 65535, not "Infinity" (see --help)'],
  [["--port", "1.5"], '--port takes a whole number, not "1.5" (see --help)'],
  [["a", "b", "c"], 'unexpected argument "b" (see --help)'],
])("%j is refused in words", (argv, message) => {
  expect(refusal(argv, 1)).toBe(message);
});

test("whatever is typed is either taken or refused as a usage error of one line", () => {
  const word = fc.oneof(
    fc.constantFrom("--home", "--port=1", "-h", "--", "--http", "-", "--=", "---"),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (argv) => {
      try {
        parseFlags(argv, OPTIONS, 2);
      } catch (error) {
        expect(error).toBeInstanceOf(DomainError);
      }
    }),
    { numRuns: 300, seed: 1 },
  );
});

test("the nearest word is at most two edits away, and itself when known", () => {
  expect(nearest("staus", ["status", "start"])).toBe("status");
  expect(nearest("xyzzy", ["status", "start"])).toBeUndefined();
  expect(nearest("", ["ab", "abc"])).toBe("ab");
  fc.assert(
    fc.property(fc.string(), (word) => nearest(word, ["other words", word]) === word),
    { numRuns: 100, seed: 1 },
  );
});
