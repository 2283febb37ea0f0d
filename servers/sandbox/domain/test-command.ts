/** The tools whose reports are understood; `tap` and `junit` are any program that writes such a report. */
export const FRAMEWORKS = [
  "node",
  "vitest",
  "jest",
  "mocha",
  "pytest",
  "go",
  "cargo",
  "tap",
  "junit",
] as const;

export type Framework = (typeof FRAMEWORKS)[number];

/** What the workspace tells about its tests. */
export interface ProjectFacts {
  /** The scripts of package.json; null where there is none. */
  readonly scripts: Readonly<Record<string, string>> | null;
  /** Names at the top of the workspace. */
  readonly names: readonly string[];
}

/** How to run a suite so that it leaves a report. */
export interface TestPlan {
  readonly framework: Framework;
  /** For `sh -c`. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether the report is what the tool prints on stdout. */
  readonly isPrinted: boolean;
  /** Why coverage that was asked for cannot be had. */
  readonly noCoverage: string | null;
}

const NAMED: readonly (readonly [Framework, RegExp])[] = [
  ["vitest", /\bvitest\b/],
  ["jest", /\bjest\b/],
  ["mocha", /\bmocha\b/],
  ["pytest", /\b(pytest|py\.test)\b/],
  ["go", /\bgo test\b/],
  ["cargo", /\bcargo\b.*\btest\b/],
  ["node", /\bnode\b.*\s--test\b/],
];

/** npm as a command runs a script of package.json: `npm test`, `npm run unit`, and what pnpm and yarn make of it. */
const NPM = /^\s*(?:npm|pnpm|yarn)\s+(?:run\s+|run-script\s+)?([\w:.-]+)([^&|;]*)$/;

/** Which tool a command runs, by its words or by those of the package script it names; null where it cannot be told. */
export function frameworkOf(command: string, { scripts }: ProjectFacts): Framework | null {
  const named = NAMED.find(([, words]) => words.test(command));
  if (named !== undefined) return named[0];
  const script = npmScript(command, scripts);
  return script === undefined || NPM.test(script)
    ? null
    : (NAMED.find(([, words]) => words.test(script))?.[0] ?? null);
}

function npmScript(command: string, scripts: ProjectFacts["scripts"]): string | undefined {
  const [, name = ""] = NPM.exec(command) ?? [];
  const known = name === "t" ? "test" : name;
  return scripts !== null && Object.hasOwn(scripts, known) ? scripts[known] : undefined;
}

/** The command that runs a project's tests where the caller names none; null where the project does not tell. */
export function commandFor(facts: ProjectFacts, framework: Framework | null): string | null {
  if (framework !== null) return COMMANDS[framework];
  const script = facts.scripts?.["test"];
  if (script !== undefined && !script.includes("no test specified")) return "npm test";
  if (facts.names.includes("Cargo.toml")) return COMMANDS.cargo;
  if (facts.names.includes("go.mod")) return COMMANDS.go;
  if (
    facts.names.some((name) => /^(pytest\.ini|conftest\.py|pyproject\.toml|setup\.cfg|tox\.ini)$/.test(name))
  )
    return COMMANDS.pytest;
  return facts.scripts === null ? null : COMMANDS.node;
}

const COMMANDS: Readonly<Record<Framework, string | null>> = {
  node: "node --test",
  vitest: "npx --no-install vitest run",
  jest: "npx --no-install jest",
  mocha: "npx --no-install mocha",
  pytest: "python3 -m pytest",
  go: "go test ./...",
  cargo: "cargo test --no-fail-fast",
  tap: null,
  junit: null,
};

export const REPORT_FILE = "report";
export const COVERAGE_FILE = "lcov.info";
export const GO_PROFILE = "cover.out";

/** Where a program that writes its own report finds the place for it. */
export const REPORT_VARIABLE = "SLIPWAY_TEST_REPORT";

/**
 * Makes the plan: the caller's command stays as it is where the tool takes its orders from the environment, and gets
 * arguments at its end where it does not.
 *
 * @param folder The absolute path of a folder made for this run.
 */
export function planTests(
  framework: Framework,
  command: string,
  folder: string,
  wantsCoverage: boolean,
  facts: ProjectFacts,
): TestPlan {
  const report = `${folder}/${REPORT_FILE}`;
  const plan: TestPlan = {
    framework,
    script: command,
    env: { [REPORT_VARIABLE]: report },
    isPrinted: false,
    noCoverage: wantsCoverage ? `${framework} has no coverage here` : null,
  };
  const covered = { noCoverage: null };
  switch (framework) {
    case "node": {
      const options = [`--test-reporter=${NODE_REPORTER}`, "--test-reporter-destination=stdout"];
      if (!wantsCoverage) return { ...plan, env: { ...plan.env, NODE_OPTIONS: options.join(" ") } };
      // Node takes the switch for coverage on the command line only.
      const words = npmScript(command, facts.scripts) ?? command;
      const script = words.replace(/(\bnode\b.*?\s--test)(?=\s|$)/, "$1 --experimental-test-coverage");
      options.push("--test-reporter=lcov", `--test-reporter-destination=${folder}/${COVERAGE_FILE}`);
      const env = { ...plan.env, NODE_OPTIONS: options.join(" ") };
      return script === words
        ? {
            ...plan,
            env: { ...plan.env, NODE_OPTIONS: options.slice(0, 2).join(" ") },
            noCoverage: "the command does not name node --test",
          }
        : { ...plan, script, env, ...covered };
    }
    case "vitest":
      return {
        ...plan,
        ...covered,
        script: withArguments(command, [
          "--reporter=json",
          `--outputFile=${report}`,
          ...(wantsCoverage
            ? ["--coverage", "--coverage.reporter=lcov", `--coverage.reportsDirectory=${folder}`]
            : []),
        ]),
      };
    case "jest":
      return {
        ...plan,
        ...covered,
        script: withArguments(command, [
          "--json",
          `--outputFile=${report}`,
          ...(wantsCoverage
            ? ["--coverage", "--coverageReporters=lcovonly", `--coverageDirectory=${folder}`]
            : []),
        ]),
      };
    case "mocha":
      return {
        ...plan,
        script: withArguments(command, ["--reporter", "json", "--reporter-option", `output=${report}`]),
      };
    case "pytest": {
      const options = [`--junitxml=${report}`, "-o", "junit_family=xunit1"];
      if (wantsCoverage) options.push("--cov", `--cov-report=lcov:${folder}/${COVERAGE_FILE}`);
      return { ...plan, ...covered, env: { ...plan.env, PYTEST_ADDOPTS: options.join(" ") } };
    }
    case "go":
      return {
        ...plan,
        ...covered,
        isPrinted: true,
        script: withArguments(command, [
          "-json",
          ...(wantsCoverage ? [`-coverprofile=${folder}/${GO_PROFILE}`] : []),
        ]),
      };
    case "cargo":
    case "tap":
      return { ...plan, isPrinted: true };
    case "junit":
      return plan;
  }
}

function withArguments(command: string, words: readonly string[]): string {
  const isNpm = /^\s*npm\b/.test(command) && NPM.test(command) && !/\s--(\s|$)/.test(command);
  return `${command.trimEnd()}${isNpm ? " --" : ""} ${words.join(" ")}`;
}

// Appends, so that a command which runs node --test twice leaves both reports. Runs inside the sandbox, as part of the tests.
const REPORTER_SOURCE = `import{appendFileSync as put}from"node:fs";
const first=(e)=>e&&(e.cause&&typeof e.cause==="object"&&e.cause.message!==undefined?e.cause:e);
export default async function*(events){const path=[];for await(const{type,data:d}of events){
if(type==="test:start"){path.length=d.nesting;path[d.nesting]=d.name}
if(type!=="test:pass"&&type!=="test:fail")continue;
const e=first(d.details.error);path.length=d.nesting;
put(process.env.${REPORT_VARIABLE},JSON.stringify({ok:type==="test:pass",suite:d.details.type==="suite",name:[...path,d.name].join(" > "),file:d.file,line:d.line,skip:d.skip!==undefined&&d.skip!==false,todo:d.todo!==undefined&&d.todo!==false,why:e&&String(e.message??e).slice(0,2000),at:e&&String(e.stack??"").slice(0,4000),kind:d.details.error&&d.details.error.failureType})+"\\n")}}`;

const NODE_REPORTER = `data:text/javascript,${encodeURIComponent(REPORTER_SOURCE)}`;
