import { z } from "zod";

/** What is known about a checkout when its test command is looked for. */
export interface Checkout {
  /** The text of package.json; null where there is none. */
  readonly manifest: string | null;
  readonly hasPython: boolean;
  readonly hasGo: boolean;
  readonly hasCargo: boolean;
}

const Manifest = z.looseObject({
  scripts: z.record(z.string(), z.unknown()).optional(),
  dependencies: z.record(z.string(), z.unknown()).optional(),
  devDependencies: z.record(z.string(), z.unknown()).optional(),
});

/**
 * Works out what command runs these test files, or the whole suite where they cannot be run alone; "" where nothing is
 * known. Runners are told apart by the test script first, then by what is installed.
 *
 * @param failing The names of the tests that must turn green; pytest takes them as they are.
 */
export function findTestCommand(
  checkout: Checkout,
  tests: readonly string[],
  failing: readonly string[],
): string {
  if (checkout.manifest !== null) {
    const command = scriptCommand(
      checkout.manifest,
      tests.filter((path) => /\.[cm]?[jt]sx?$/u.test(path)),
    );
    if (command !== "") return command;
  }
  const python = tests.filter((path) => path.endsWith(".py"));
  if (python.length > 0 || checkout.hasPython) {
    const named = failing.filter((name) => /^[\w./-]+\.py(::|$)/u.test(name));
    return ["python3 -m pytest -q", ...(named.length > 0 ? named : python).map(quote)].join(" ");
  }
  if (checkout.hasGo) {
    const folders = new Set(tests.filter((path) => path.endsWith(".go")).map(folderOf));
    return ["go test", ...(folders.size === 0 ? ["./..."] : [...folders].map(quote))].join(" ");
  }
  return checkout.hasCargo ? "cargo test" : "";
}

function scriptCommand(text: string, tests: readonly string[]): string {
  const parsed = Manifest.safeParse(parseJson(text));
  if (!parsed.success) return "";
  const { scripts, dependencies, devDependencies } = parsed.data;
  const script = typeof scripts?.["test"] === "string" ? scripts["test"] : "";
  const files = tests.map(quote).join(" ");
  const uses = (name: string): boolean =>
    new RegExp(`\\b${name}\\b`, "u").test(script) ||
    (script === "" && (devDependencies?.[name] ?? dependencies?.[name]) !== undefined);
  if (files !== "") {
    if (uses("vitest")) return `npx --no-install vitest run ${files}`;
    if (uses("jest")) return `npx --no-install jest ${files}`;
    if (uses("mocha")) return `npx --no-install mocha ${files}`;
    // Loaders that stand before it belong to the command.
    const node = /\bnode\s+(?:-\S+\s+(?:[\w./@-]+\s+)?)*?--test(?=\s|$)/u.exec(script)?.[0];
    if (node !== undefined) return `${node} ${files}`;
  }
  return script === "" ? "" : "npm test";
}

function folderOf(path: string): string {
  return `./${path.split("/").slice(0, -1).join("/")}`;
}

function quote(word: string): string {
  return /^[\w./:@=+-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
