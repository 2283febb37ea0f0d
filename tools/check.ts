/**
 * Everything a change must pass, one line per step: `npm run check`.
 *
 *     check.ts [--without STEP]…
 *     check.ts --fix
 *
 * Every step runs, also after one has failed. `--fix` formats and applies the linter's safe fixes, and checks nothing.
 */
import { parseArgs } from "node:util";
import { checkLicences, checkVulnerabilities } from "./dependencies.ts";
import { installTools, runProgram } from "./packages.ts";

interface Result {
  readonly ok: boolean;
  readonly text: string;
}

async function program(argv: readonly string[], show = false): Promise<Result> {
  const { code, output } = await runProgram(argv, { show });
  return { ok: code === 0, text: code === 0 ? "" : output };
}

const tool = (name: string): string => `tools/node_modules/.bin/${name}`;

const steps: Readonly<Record<string, () => Promise<Result> | Result>> = {
  format: () => program([tool("oxfmt"), "--check", "."]),
  lint: () => program([tool("oxlint"), "--type-aware"]),
  types: () => program([tool("tsc"), "-p", "tsconfig.json"]),
  unused: () => program([tool("knip"), "--no-progress", "--no-config-hints"]),
  licences: checkLicences,
  vulnerabilities: checkVulnerabilities,
  // The architecture test is one of these.
  tests: () => program([process.execPath, "node_modules/vitest/vitest.mjs", "run"], true),
};

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { fix: { type: "boolean" }, without: { type: "string", multiple: true, default: [] } },
  });
  const unknown = values.without.filter((name) => !Object.hasOwn(steps, name));
  if (unknown.length > 0) {
    console.error(`unknown step ${unknown.join(", ")}; the steps are ${Object.keys(steps).join(", ")}`);
    return 2;
  }
  const failure = await installTools();
  if (failure !== undefined) {
    console.error(`the development tools could not be installed:\n${failure}`);
    return 1;
  }
  if (values.fix === true) {
    await program([tool("oxlint"), "--type-aware", "--fix"]);
    const { ok, text } = await program([tool("oxfmt"), "."]);
    if (!ok) console.error(text.trimEnd());
    return ok ? 0 : 1;
  }
  const failed: string[] = [];
  for (const [name, run] of Object.entries(steps)) {
    if (values.without.includes(name)) continue;
    const start = performance.now();
    const { ok, text } = await run();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (!ok) failed.push(name);
    if (!ok && text !== "") console.log(text.trimEnd());
    console.log(
      `${ok ? "ok    " : "FAILED"} ${name.padEnd(16)} ${seconds.padStart(6)} s  ${ok ? text : ""}`.trimEnd(),
    );
  }
  console.log(failed.length === 0 ? "check passed" : `check FAILED: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
