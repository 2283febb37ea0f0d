import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";

/** One piece of past work: a change that is known to be right, and the tests that tell. */
export interface Instance {
  readonly id: string;
  readonly title: string;
  /** A folder, a bundle, a URL or `owner/name`; "" where the row brings its files itself. */
  readonly repo: string;
  /** Where the work began; "" for what the repository's HEAD is. */
  readonly baseCommit: string;
  /** The whole content of the base, by path, where there is no repository. */
  readonly files: Readonly<Record<string, string>>;
  /** The change that is right. */
  readonly patch: string;
  /** The tests that came with it; "" where the base or the patch has them. */
  readonly testPatch: string;
  readonly failToPass: readonly string[];
  readonly passToPass: readonly string[];
  /** What makes a checkout runnable; "" to have it found. */
  readonly setup: string;
  /** What tells whether the change is right; "" to have it found. */
  readonly test: string;
  /** How long one run of the tests may take; undefined for the bench's own bound. */
  readonly timeoutS: number | undefined;
}

const Text = z.string().nullish();
/** One command, or several to be run in order. */
const Commands = z.union([z.string(), z.array(z.string())]).nullish();
/** A list, or a list written as JSON in a string, as SWE-bench has it. */
const Names = z.union([z.array(z.string()), z.string()]).nullish();

const Row = z.looseObject({
  instance_id: Text,
  id: Text,
  org: Text,
  number: z.union([z.number(), z.string()]).nullish(),
  repo: Text,
  repo_path: Text,
  repo_url: Text,
  base_commit: Text,
  base: z.union([z.string(), z.looseObject({ sha: z.string() })]).nullish(),
  files: z.record(z.string(), z.string()).nullish(),
  patch: Text,
  gold_patch: Text,
  fix_patch: Text,
  test_patch: Text,
  FAIL_TO_PASS: Names,
  fail_to_pass: Names,
  PASS_TO_PASS: Names,
  pass_to_pass: Names,
  setup: Commands,
  setup_command: Commands,
  setup_cmd: Commands,
  install: Commands,
  test: Commands,
  test_command: Commands,
  test_cmd: Commands,
  test_commands: Commands,
  timeout_s: z.number().positive().max(86_400).nullish(),
  title: Text,
  problem_statement: Text,
});

/**
 * Reads instances, one JSON object a line: our own form, or that of SWE-bench, Multi-SWE-bench and their kin.
 *
 * @throws {DomainError} invalid, naming the line and what is wrong there.
 */
export function parseInstances(text: string): readonly Instance[] {
  const instances = text
    .split("\n")
    .map((line, at) => ({ line: line.trim(), number: at + 1 }))
    .filter(({ line }) => line !== "")
    .map(({ line, number }) => parseInstance(line, number));
  if (instances.length === 0) throw new DomainError("invalid", "the file holds no instance", { hint: HINT });
  const ids = new Set<string>();
  for (const { id } of instances) {
    if (ids.has(id)) throw new DomainError("invalid", `the instance "${id}" is there twice`, { hint: HINT });
    ids.add(id);
  }
  return instances;
}

const HINT =
  "each line is one JSON object with repo, base_commit, patch, test_patch and the like; see --help";

function parseInstance(line: string, number: number): Instance {
  const wrong = (what: string): DomainError =>
    new DomainError("invalid", `line ${number} is no instance: ${what}`, { hint: HINT });
  const parsed = Row.safeParse(parseJson(line));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw wrong(`${issue?.path.map(String).join(".") || "the line"}: ${issue?.message ?? "unreadable"}`);
  }
  const row = parsed.data;
  const patch = row.patch ?? row.gold_patch ?? row.fix_patch ?? "";
  if (patch.trim() === "") throw wrong("it has no patch");
  const files = row.files ?? {};
  const name = row.org == null || row.repo == null ? row.repo : `${row.org}/${row.repo}`;
  const repo = row.repo_path ?? row.repo_url ?? name ?? "";
  if (repo === "" && Object.keys(files).length === 0) throw wrong("it names neither repo nor files");
  const id =
    row.instance_id ?? row.id ?? (row.number == null ? `line-${number}` : `${repo}-${String(row.number)}`);
  return {
    id,
    title: (row.title ?? row.problem_statement ?? id).split("\n")[0]?.trim().slice(0, 200) || id,
    repo,
    baseCommit: row.base_commit ?? (typeof row.base === "string" ? row.base : row.base?.sha) ?? "",
    files,
    patch: withFinalNewline(patch),
    testPatch: withFinalNewline(row.test_patch ?? ""),
    failToPass: namesIn(row.FAIL_TO_PASS ?? row.fail_to_pass),
    passToPass: namesIn(row.PASS_TO_PASS ?? row.pass_to_pass),
    setup: oneCommand(row.setup ?? row.setup_command ?? row.setup_cmd ?? row.install),
    test: oneCommand(row.test ?? row.test_command ?? row.test_cmd ?? row.test_commands),
    timeoutS: row.timeout_s ?? undefined,
  };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Git refuses a patch whose last line does not end. */
function withFinalNewline(patch: string): string {
  return patch === "" || patch.endsWith("\n") ? patch : `${patch}\n`;
}

function oneCommand(given: z.output<typeof Commands>): string {
  if (given == null) return "";
  return typeof given === "string" ? given.trim() : given.map((part) => part.trim()).join(" && ");
}

function namesIn(given: z.output<typeof Names>): readonly string[] {
  if (given == null) return [];
  if (typeof given !== "string") return given;
  const list = z.array(z.string()).safeParse(parseJson(given));
  return list.success ? list.data : [given];
}
