import { setTimeout as pause } from "node:timers/promises";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openGitBench, type GitBench } from "./git-server.ts";

// Four servers on one state folder share nothing but files, as the processes of four hosts do.
const SERVERS = 4;

let benches: readonly GitBench[];
let repo: string;
let number = 0;

beforeAll(async () => {
  const first = await openGitBench();
  const others = Array.from({ length: SERVERS - 1 }, () =>
    openGitBench({}, { ...first.ground, dispose: () => undefined }),
  );
  benches = [...(await Promise.all(others)), first];
});
afterAll(async () => {
  for (const bench of benches) await bench.close();
});
beforeEach(() => {
  number += 1;
  repo = ground().repository(join(ground().app, `repo-${number}`), { "a.txt": "one\n" });
});

function server(index: number): GitBench {
  const bench = benches[index % SERVERS];
  if (bench === undefined) throw new Error("there is a server for every number");
  return bench;
}
const ground = () => server(0).ground;
const git = (...args: readonly string[]): string => ground().git(repo, ...args);

describe("several servers on one repository", () => {
  it("land simultaneous commits in one worktree, each with its own file", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `file-${index}.txt`);
    ground().write(repo, Object.fromEntries(names.map((name) => [name, name])));
    await Promise.all(
      names.map((name, index) =>
        server(index).must("commit_changes", { repo, paths: [name], message: name }),
      ),
    );
    const log = git("log", "--name-only", "--format=%s", "-8")
      .split("\n")
      .filter((line) => line !== "");
    for (let at = 0; at < 16; at += 2) expect(log[at]).toBe(log[at + 1]);
    expect(new Set(log)).toEqual(new Set(names));
    expect(git("status", "--porcelain")).toBe("");
    git("fsck", "--strict");
  });

  it("make worktrees at once", async () => {
    await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        server(index).must("add_worktree", { repo, branch: `w-${index}` }),
      ),
    );
    expect(git("worktree", "list").split("\n").length).toBe(9);
    expect(git("branch", "--list", "w-*").split("\n").length).toBe(8);
  });

  it("give the branch to one of them", async () => {
    const results = await Promise.allSettled(
      Array.from({ length: SERVERS }, (_, index) =>
        server(index).must("add_worktree", { repo, branch: "same" }),
      ),
    );
    expect(results.filter((result) => result.status === "fulfilled").length).toBe(1);
    expect(git("worktree", "list").split("\n").length).toBe(2);
    expect(git("branch", "--list", "same")).toContain("same");
  });

  it("merge once, whoever is asked, under one key", async () => {
    git("switch", "--quiet", "--create", "work");
    ground().write(repo, { "b.txt": "two\n" });
    git("add", "--all");
    git("commit", "--quiet", "--message=work");
    git("switch", "--quiet", "main");
    const args = {
      repo,
      source: "work",
      target: "main",
      expected_source: git("rev-parse", "work"),
      expected_target: git("rev-parse", "main"),
      idempotency_key: `m-${number}`,
    };
    await Promise.allSettled(
      Array.from({ length: SERVERS }, (_, index) => server(index).must("integrate_changes", args)),
    );
    const answers = await Promise.all(
      Array.from({ length: SERVERS }, (_, index) => server(index).must("integrate_changes", args)),
    );
    expect(new Set(answers.map((answer) => answer["commit"]))).toEqual(new Set([git("rev-parse", "main")]));
    expect(git("rev-list", "--count", "--merges", "main")).toBe("1");
    expect(git("status", "--porcelain")).toBe("");
  });

  it("wait for a lock that goes away, and say so when it does not", async () => {
    git("switch", "--quiet", "--create", "work");
    ground().write(repo, { "b.txt": "two\n" });
    git("add", "--all");
    git("commit", "--quiet", "--message=work");
    git("switch", "--quiet", "main");
    const args = {
      repo,
      source: "work",
      target: "main",
      expected_source: git("rev-parse", "work"),
      expected_target: git("rev-parse", "main"),
    };
    writeFileSync(join(repo, ".git/index.lock"), "");
    expect(await server(0).refused("integrate_changes", args)).toMatchObject({
      code: "unavailable",
      retryable: true,
    });
    expect(git("rev-parse", "main")).toBe(args.expected_target);
    const merging = server(0).must("integrate_changes", args);
    await pause(1500);
    rmSync(join(repo, ".git/index.lock"));
    expect(await merging).toMatchObject({ updated_worktree: repo, warnings: [] });
  });
});
