import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openGitBench, type GitBench } from "./git-server.ts";

let bench: GitBench;

beforeAll(async () => {
  bench = await openGitBench();
});
afterAll(() => bench.close());

const at = (name: string): string => join(bench.ground.app, name);
const git = (repo: string, ...args: readonly string[]): string => bench.ground.git(repo, ...args);

/** Commits on a worktree of its own and merges it, through the tools alone. */
async function roundTrip(repo: string): Promise<void> {
  const { worktree } = await bench.must("add_worktree", { repo, branch: "work" });
  const path =
    worktree !== null && typeof worktree === "object" && "path" in worktree ? String(worktree.path) : "";
  bench.ground.write(path, { "new.txt": "x\n" });
  const { commit } = await bench.must("commit_changes", { repo: path, paths: ["new.txt"], message: "work" });
  const preview = await bench.must("preview_integration", { repo, source: "work", target: "main" });
  expect(preview).toMatchObject({ clean: true, source_commit: commit });
  await bench.must("integrate_changes", {
    repo,
    source: "work",
    target: "main",
    expected_source: preview["source_commit"],
    expected_target: preview["target_commit"],
  });
  expect(git(repo, "show", "main:new.txt")).toBe("x");
  // By the tool: plain git would run the very programs that must not run here.
  expect(await bench.must("get_repo_status", { repo })).toMatchObject({
    staged: [],
    modified: [],
    untracked: [],
  });
}

describe("a commit and a merge work in", () => {
  it("a repository with SHA-256 object ids", async () => {
    const repo = at("sha256");
    git(bench.ground.app, "init", "--quiet", "--initial-branch=main", "--object-format=sha256", repo);
    bench.ground.write(repo, { "a.txt": "one\n" });
    const { commit } = await bench.must("commit_changes", { repo, paths: ["a.txt"], message: "first" });
    expect(commit).toMatch(/^[0-9a-f]{64}$/);
    await roundTrip(repo);
  });

  it("a shallow clone", async () => {
    const source = bench.ground.repository(at("deep"));
    for (let count = 0; count < 3; count += 1)
      git(source, "commit", "--quiet", "--allow-empty", "--message=more");
    await bench.must("create_repository", { path: at("shallow"), clone_url: `file://${source}`, depth: 1 });
    expect(git(at("shallow"), "rev-list", "--count", "HEAD")).toBe("1");
    await roundTrip(at("shallow"));
  });

  it("a repository with a filter that its own settings demand", async () => {
    const repo = bench.ground.repository(at("filtered"), {
      ".gitattributes": "*.txt filter=x\n",
      "a.txt": "one\n",
    });
    git(repo, "config", "filter.x.clean", "touch ran; cat");
    git(repo, "config", "filter.x.smudge", "touch ran; cat");
    git(repo, "config", "filter.x.required", "true");
    await roundTrip(repo);
    expect(existsSync(join(repo, "ran"))).toBe(false);
  });

  it("a repository with replaced commits and an old graph, which count for nothing", async () => {
    const repo = bench.ground.repository(at("replaced"));
    git(repo, "commit", "--quiet", "--allow-empty", "--message=second");
    git(repo, "replace", "HEAD", "HEAD~1");
    await roundTrip(repo);
  });

  it("folders as deep as git takes them, and names like options", async () => {
    const repo = bench.ground.repository(at("deep-names"));
    const deep = `${Array.from({ length: 30 }, () => "directory").join("/")}/file.txt`;
    bench.ground.write(repo, { [deep]: "x", "-rf": "x", "--all": "x", "ünï çödé.txt": "x" });
    await bench.must("commit_changes", {
      repo,
      paths: [deep, "-rf", "--all", "ünï çödé.txt"],
      message: "names",
    });
    expect(git(repo, "status", "--porcelain")).toBe("");
  });
});

it("clones a repository whose settings name programs, and runs none", async () => {
  const source = bench.ground.repository(at("trap"));
  for (const key of [
    "uploadpack.packObjectsHook",
    "core.alternateRefsCommand",
    "core.fsmonitor",
    "core.sshCommand",
  ]) {
    git(source, "config", key, `touch ${bench.ground.base}/ran`);
  }
  await bench.must("create_repository", { path: at("trapped"), clone_url: source });
  expect(existsSync(join(bench.ground.base, "ran"))).toBe(false);
  expect(git(at("trapped"), "config", "--local", "--list", "--name-only")).not.toContain("core.fsmonitor");
});
