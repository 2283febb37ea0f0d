import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openGitBench, type GitBench } from "./git-server.ts";
import { playAndUndo, stepsArbitrary } from "./undo-sequences.ts";

let bench: GitBench;
let repo: string;
let number = 0;

beforeAll(async () => {
  bench = await openGitBench();
});
afterAll(() => bench.close());
beforeEach(() => {
  number += 1;
  repo = bench.ground.repository(join(bench.ground.app, `repo-${number}`), {
    "a.txt": "1\n",
    "b.txt": "1\n",
  });
});

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
async function worktree(branch: string, task?: string): Promise<string> {
  const { worktree: made } = await bench.must("add_worktree", {
    repo,
    branch,
    ...(task === undefined ? {} : { task_id: task }),
  });
  return String(Object(made)["path"]);
}
async function commit(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> {
  bench.ground.write(folder, files);
  return bench.must("commit_changes", { repo: folder, paths: Object.keys(files), message: "m" });
}
const merge = (branch: string) =>
  bench.must("integrate_changes", {
    repo,
    source: branch,
    target: "main",
    expected_source: git("rev-parse", branch),
    expected_target: git("rev-parse", "main"),
  });
const undo = (operation: unknown) =>
  bench.must("undo_operation", { repo, operation_id: Object(operation)["operation_id"] });

describe("undo_operation", () => {
  it("is byte-exact for every operation of generated sequences, and so is undoing the undo", async () => {
    let undone = 0;
    await fc.assert(
      fc.asyncProperty(stepsArbitrary, async (steps) => {
        undone += await playAndUndo(bench, steps);
      }),
      { seed: 7, numRuns: 3 },
    );
    expect(undone).toBeGreaterThan(3);
  });

  it("takes back a commit below a later one by a commit on top", async () => {
    const first = await commit(repo, { "a.txt": "2\n" });
    await commit(repo, { "b.txt": "2\n" });
    await undo(first);
    expect(git("show", "main:a.txt")).toBe("1");
    expect(git("show", "main:b.txt")).toBe("2");
    expect(readFileSync(join(repo, "a.txt"), "utf8")).toBe("1\n");
    expect(git("rev-list", "--count", "main")).toBe("4");
    expect(
      await bench.refused("undo_operation", { repo, operation_id: first["operation_id"] }),
    ).toMatchObject({
      code: "invalid_state",
      message: expect.stringContaining("undone by"),
    });
  });

  it("refuses where later commits changed the same lines, or unsaved work is in the way", async () => {
    const first = await commit(repo, { "a.txt": "2\n" });
    await commit(repo, { "a.txt": "3\n" });
    const before = git("rev-parse", "main");
    expect(
      await bench.refused("undo_operation", { repo, operation_id: first["operation_id"] }),
    ).toMatchObject({
      code: "conflict",
    });
    git("switch", "--quiet", "--create", "work");
    await commit(repo, { "b.txt": "2\n" });
    git("switch", "--quiet", "main");
    const merged = await merge("work");
    bench.ground.write(repo, { "b.txt": "mine\n" });
    expect(
      await bench.refused("undo_operation", { repo, operation_id: merged["operation_id"] }),
    ).toMatchObject({
      code: "invalid_state",
      message: expect.stringContaining("b.txt"),
    });
    expect(git("rev-parse", "main^1")).toBe(before);
  });

  it("takes back everything of a task on all branches, and leaves the others' work", async () => {
    const mine = await worktree("mine", "tsk_1");
    const others = await worktree("others", "tsk_2");
    const start = git("rev-parse", "mine");
    await commit(mine, { "a.txt": "2\n" });
    await commit(mine, { "c.txt": "1\n" });
    await merge("mine");
    await commit(others, { "b.txt": "2\n" });
    await merge("others");
    const answer = await bench.must("undo_operation", { repo, task_id: "tsk_1" });
    expect(answer["undone"]).toHaveLength(3);
    expect(git("rev-parse", "mine")).toBe(start);
    expect(bench.ground.git(mine, "status", "--porcelain")).toBe(" M a.txt\n?? c.txt");
    expect(git("ls-tree", "--name-only", "main")).toBe("a.txt\nb.txt");
    expect(git("show", "main:a.txt")).toBe("1");
    expect(git("show", "main:b.txt")).toBe("2");
    expect(existsSync(join(repo, "c.txt"))).toBe(false);
    expect(git("status", "--porcelain")).toBe("");
    expect(await bench.refused("undo_operation", { repo, task_id: "tsk_1" })).toMatchObject({
      code: "not_found",
    });
    await bench.must("undo_operation", { repo, operation_id: answer["operation_id"] });
    expect(git("show", "main:a.txt")).toBe("2");
    expect(bench.ground.git(mine, "status", "--porcelain")).toBe("");
    expect(await bench.eventTypes()).toContain("operation.undone");
  });

  it("brings back a worktree that was removed by force, with its unsaved work and its lease", async () => {
    const folder = await worktree("lost", "tsk_3");
    bench.ground.write(folder, { "a.txt": "unsaved\n", "new.txt": "untracked\n" });
    const removed = await bench.must("remove_worktree", { repo, path: folder, force: true });
    expect(existsSync(folder)).toBe(false);
    await undo(removed);
    expect(bench.ground.git(folder, "status", "--porcelain")).toBe(" M a.txt\n?? new.txt");
    expect(readFileSync(join(folder, "a.txt"), "utf8")).toBe("unsaved\n");
    expect(await bench.must("list_worktrees", { repo })).toMatchObject({
      worktrees: [{ main: true }, { path: folder, task_id: "tsk_3" }],
    });
  });

  it("knows only what was done in this repository", async () => {
    const args = { repo, operation_id: "op_none" };
    expect(await bench.refused("undo_operation", args)).toMatchObject({ code: "not_found" });
    expect(await bench.refused("undo_operation", { repo })).toMatchObject({ code: "invalid" });
    const elsewhere = await bench.must("create_repository", {
      path: join(bench.ground.app, `made-${number}`),
    });
    expect(
      await bench.refused("undo_operation", { repo, operation_id: elsewhere["operation_id"] }),
    ).toMatchObject({ code: "not_found" });
  });
});
