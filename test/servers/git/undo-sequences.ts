import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import type { GitBench } from "./git-server.ts";

const FILES = ["a.txt", "b.txt", "dir/c.txt", "new.txt"] as const;
const BRANCHES = ["main", "work", "other"] as const;

type Step =
  | {
      readonly do: "write";
      readonly at: number;
      readonly file: (typeof FILES)[number];
      readonly text: string;
    }
  | { readonly do: "delete"; readonly at: number; readonly file: (typeof FILES)[number] }
  | { readonly do: "commit"; readonly at: number; readonly file: (typeof FILES)[number] | "." }
  | { readonly do: "integrate"; readonly how: string; readonly from: string; readonly to: string }
  | { readonly do: "branch"; readonly how: string; readonly name: string; readonly from: string }
  | { readonly do: "add_worktree"; readonly branch: string }
  | { readonly do: "remove_worktree"; readonly at: number };

const at = fc.nat({ max: 2 });
const file = fc.constantFrom(...FILES);
const branch = fc.constantFrom(...BRANCHES);
const text = fc
  .array(fc.constantFrom("1", "2", "3", "x", "\u0000"), { maxLength: 4 })
  .map((lines) => lines.join("\n"));

/** What agents do in a repository with three branches and up to three worktrees. */
export const stepsArbitrary: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("write" as const), at, file, text }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), at, file }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("commit" as const),
        at,
        file: fc.constantFrom(...FILES, "." as const),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("integrate" as const),
        how: fc.constantFrom("merge", "rebase", "cherry_pick", "revert"),
        from: branch,
        to: branch,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("branch" as const),
        how: fc.constantFrom("create", "delete", "rename", "switch"),
        name: branch,
        from: branch,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("add_worktree" as const), branch }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("remove_worktree" as const), at }) },
  ),
  { minLength: 6, maxLength: 10 },
);

let number = 0;

/**
 * Plays a sequence; after each operation it is undone and that undone again. Throws where a state is not byte for byte
 * what it was: files tracked or not, branches, and what each worktree has checked out. Returns the operations undone.
 */
export async function playAndUndo(bench: GitBench, steps: readonly Step[]): Promise<number> {
  number += 1;
  const repo = bench.ground.repository(join(bench.ground.app, `sequence-${number}`), {
    "a.txt": "1\n2\n3\n",
    "dir/c.txt": "1\n",
  });
  bench.ground.git(repo, "branch", "work");
  let undone = 0;
  for (const step of steps) {
    const folders = worktrees(repo);
    const call = toolCall(step, repo, folders);
    if (call === undefined) continue;
    const before = stateOf(repo);
    const operation = await attempt(bench, call.tool, call.args);
    if (operation === undefined) {
      expectSame(before, stateOf(repo), `a refused ${call.tool}`, steps);
      continue;
    }
    const after = stateOf(repo);
    const undo = await attempt(bench, "undo_operation", { repo, operation_id: operation });
    if (undo === undefined)
      throw new Error(`${call.tool} could not be undone at once: ${JSON.stringify(steps)}`);
    expectSame(before, stateOf(repo), `undoing ${call.tool}`, steps);
    const redo = await attempt(bench, "undo_operation", { repo, operation_id: undo });
    if (redo === undefined)
      throw new Error(`the undo of ${call.tool} could not be undone: ${JSON.stringify(steps)}`);
    expectSame(after, stateOf(repo), `doing ${call.tool} again`, steps);
    undone += 1;
  }
  for (const folder of worktrees(repo)) rmSync(folder, { recursive: true, force: true });
  return undone;
}

/** The tool call of a step; a step without one is carried out here, as an agent's editor would. */
function toolCall(
  step: Step,
  repo: string,
  folders: readonly string[],
): { readonly tool: string; readonly args: Record<string, unknown> } | undefined {
  const folder = "at" in step ? (folders[step.at % folders.length] ?? repo) : repo;
  switch (step.do) {
    case "write":
      if (existsSync(join(folder, "dir")) || !step.file.startsWith("dir/"))
        writeFileSync(join(folder, step.file), step.text);
      return undefined;
    case "delete":
      rmSync(join(folder, step.file), { force: true });
      return undefined;
    case "commit":
      return { tool: "commit_changes", args: { repo: folder, paths: [step.file], message: "m" } };
    case "integrate": {
      const ids = [step.from, step.to].map((name) => revision(repo, name));
      return {
        tool: "integrate_changes",
        args: {
          repo,
          operation: step.how,
          source: step.from,
          target: step.to,
          expected_source: ids[0],
          expected_target: ids[1],
        },
      };
    }
    case "branch":
      return {
        tool: "manage_branch",
        args: {
          repo,
          action: step.how,
          name: step.name,
          ...(step.how === "create" || step.how === "rename" ? { from: step.from } : {}),
          ...(step.how === "delete" ? { force: true } : {}),
        },
      };
    case "add_worktree":
      return { tool: "add_worktree", args: { repo, branch: step.branch } };
    case "remove_worktree":
      return folder === repo
        ? undefined
        : { tool: "remove_worktree", args: { repo, path: folder, force: true } };
  }
}

async function attempt(
  bench: GitBench,
  tool: string,
  args: Record<string, unknown>,
): Promise<string | undefined> {
  const result = await bench.client.callTool({ name: tool, arguments: args });
  if (result.isError === true) {
    const block = result.content[0];
    if (block?.type === "text" && block.text.includes("unexpectedly"))
      throw new Error(`${tool}: ${block.text}`);
    return undefined;
  }
  const answer: Record<string, unknown> = Object(result.structuredContent);
  // Nothing was done, so there is nothing to undo.
  return answer["already_merged"] === true ? undefined : String(answer["operation_id"]);
}

// A state is read from files: a sequence looks at it dozens of times, and each git would be a process.

function revision(repo: string, name: string): string {
  const file = join(repo, ".git/refs/heads", name);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "nothing";
}

/** The main worktree and the linked ones. Git notes for each of these where its `.git` file is. */
function worktrees(repo: string): readonly string[] {
  const notes = join(repo, ".git/worktrees");
  const linked = existsSync(notes)
    ? readdirSync(notes).map((name) => dirname(readFileSync(join(notes, name, "gitdir"), "utf8").trim()))
    : [];
  return [repo, ...linked.toSorted()];
}

function headOf(repo: string, folder: string): string {
  const gitDir =
    folder === repo
      ? join(repo, ".git")
      : readFileSync(join(folder, ".git"), "utf8").replace("gitdir: ", "").trim();
  return readFileSync(join(gitDir, "HEAD"), "utf8");
}

function refsOf(repo: string): readonly (readonly string[])[] {
  return ["heads", "tags"].flatMap((kind) => filesBelow(join(repo, ".git/refs", kind)));
}

/** Names and bytes, sorted. */
function filesBelow(folder: string): readonly (readonly string[])[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(join(folder, ".git")))
    .toSorted()
    .map((path) => [path, readFileSync(path, "latin1")]);
}

function stateOf(repo: string): Readonly<Record<string, unknown>> {
  return {
    branches: refsOf(repo),
    worktrees: worktrees(repo).map((folder) => ({
      folder,
      head: headOf(repo, folder),
      files: filesBelow(folder),
    })),
  };
}

function expectSame(wanted: unknown, found: unknown, what: string, steps: readonly Step[]): void {
  const [a, b] = [JSON.stringify(wanted), JSON.stringify(found)];
  if (a !== b) throw new Error(`${what} left another state:\n${a}\n${b}\nafter ${JSON.stringify(steps)}`);
}
