import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** What a finished demo left behind, in a form that two runs share when they ended alike. */
export interface DemoOutcome {
  /** Titles of the merge commits on main, sorted. */
  readonly merges: readonly string[];
  /** The files of main's tree with their object ids. */
  readonly tree: string;
  readonly isClean: boolean;
  readonly branch: string;
  /** Folders of task worktrees that are still there. */
  readonly worktrees: number;
  /** Trees that were checked out for a proof and are still there. */
  readonly checkouts: number;
  readonly testsPass: boolean;
}

/** Looks at the sample repository of a demo folder. */
export function demoOutcome(folder: string): DemoOutcome {
  const repo = join(folder, "sample");
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", repo, ...args], { encoding: "utf8" }).trim();
  const testsPass = ((): boolean => {
    try {
      execFileSync(process.execPath, ["--test"], {
        cwd: repo,
        stdio: "ignore",
        env: { PATH: process.env["PATH"] },
      });
      return true;
    } catch {
      return false;
    }
  })();
  return {
    merges: git("log", "--merges", "--format=%s", "main")
      .split("\n")
      .filter((line) => line !== "")
      .sort(),
    tree: git("ls-tree", "-r", "main"),
    isClean: git("status", "--porcelain") === "",
    branch: git("symbolic-ref", "--short", "HEAD"),
    worktrees:
      git("worktree", "list", "--porcelain")
        .split("\n")
        .filter((line) => line.startsWith("worktree ")).length - 1,
    checkouts: checkoutsLeft(join(folder, "state", "checkouts")),
    testsPass,
  };
}

function checkoutsLeft(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.name.startsWith("tree-"),
  ).length;
}
