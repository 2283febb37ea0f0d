import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  expectTouches,
  parseMergeBatch,
  predictClash,
  proposeOrder,
} from "../../../servers/git/domain/conflict-matrix.ts";
import { openGitBench, type GitBench } from "./git-server.ts";

let bench: GitBench;
let repo: string;

beforeAll(async () => {
  bench = await openGitBench();
  repo = bench.ground.repository(join(bench.ground.app, "repo"), {
    "a.txt": "1\n2\n3\n",
    "b.txt": "1\n",
    "lib.ts": "export function helper(): void {}\n",
  });
  for (const text of ["2\n", "3\n", "1\n"]) {
    bench.ground.write(repo, { "b.txt": text, "b.test.txt": text });
    git("add", "--all");
    git("commit", "--quiet", "--message=b and its test");
  }
  branch("first", { "a.txt": "first\n2\n3\n" });
  branch("second", { "a.txt": "second\n2\n3\n" });
  branch("uses", { "user.ts": "helper();\n" });
  branch("removes", { "lib.ts": "export const none = 0;\n" });
});
afterAll(() => bench.close());

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
function branch(name: string, files: Readonly<Record<string, string>>): void {
  git("switch", "--quiet", "--create", name, "main");
  bench.ground.write(repo, files);
  git("add", "--all");
  git("commit", "--quiet", `--message=${name}`);
  git("switch", "--quiet", "main");
}
const predict = (args: Record<string, unknown> = {}) => bench.must("predict_conflicts", { repo, ...args });
const BRANCHES = ["main", "first", "second", "uses", "removes"];

describe("predict_conflicts", () => {
  it("finds the pairs that conflict, in text or by name, and an order", async () => {
    const before = git("for-each-ref");
    const answer = await predict({ branches: BRANCHES });
    expect(answer["pairs"]).toEqual([
      { a: "first", b: "second", level: "textual", paths: ["a.txt"] },
      { a: "uses", b: "removes", level: "semantic", paths: ["user.ts"] },
    ]);
    expect(answer["order"]).toHaveLength(5);
    expect(Object(answer["order"])[0]).toBe("main");
    expect(git("for-each-ref")).toBe(before);
  });

  it("counts the uncommitted work of worktrees, and leaves it alone", async () => {
    const { worktree } = await bench.must("add_worktree", { repo, branch: "third" });
    const folder = String(Object(worktree)["path"]);
    writeFileSync(join(folder, "a.txt"), "third\n2\n3\n");
    writeFileSync(join(folder, "new.txt"), "untracked\n");
    const status = bench.ground.git(folder, "status", "--porcelain");
    expect(await predict({ branches: ["first", "third"] })).toMatchObject({
      pairs: [{ a: "first", b: "third", level: "textual", paths: ["a.txt"] }],
    });
    expect(await predict({ branches: ["first", "third"], worktrees: [] })).toMatchObject({ pairs: [] });
    expect(await predict()).toMatchObject({ order: expect.arrayContaining(["main", "third"]) });
    expect(bench.ground.git(folder, "status", "--porcelain")).toBe(status);
  });

  it("foresees work that has not begun, by its paths and what changed together with them", async () => {
    const answer = await predict({
      branches: ["first"],
      worktrees: [],
      paths: { one: ["b.txt"], two: ["b.test.txt"], three: ["a.txt"], four: ["elsewhere.txt"] },
    });
    expect(answer["pairs"]).toMatchObject([
      { a: "one", b: "two", level: "predicted", probability: 0.43, paths: ["b.txt", "b.test.txt"] },
      { a: "three", b: "first", level: "predicted", probability: 0.28, paths: ["a.txt"] },
    ]);
    expect(Object(answer["order"])[0]).toBe("four");
    expect(await bench.refused("predict_conflicts", { repo, paths: { main: ["a"] } })).toMatchObject({
      code: "invalid",
    });
    expect(await bench.refused("predict_conflicts", { repo, branches: ["nothing"] })).toMatchObject({
      code: "not_found",
    });
  });
});

describe("the matrix", () => {
  const tree = "a".repeat(40);

  it("reads what one git prints for many pairs", () => {
    expect(parseMergeBatch(["0", tree, "x", "y", "", "1", tree, "", ""].join("\0"), 2)).toEqual([
      ["x", "y"],
      [],
    ]);
    expect(parseMergeBatch(`0\0${tree}\0x\0`, 1)).toBeUndefined();
    expect(parseMergeBatch(`1\0${tree}\0\0`, 2)).toBeUndefined();
  });

  it("puts first what is least in the way", () => {
    const clash = (a: string, b: string) => ({ a, b, level: "textual" as const, paths: ["x"] });
    const size = (name: string): number => ({ hub: 1, a: 3, b: 2, free: 9 })[name] ?? 0;
    expect(proposeOrder(["hub", "a", "b", "free"], [clash("hub", "a"), clash("hub", "b")], size)).toEqual([
      "free",
      "b",
      "hub",
      "a",
    ]);
  });

  it("takes folders and patterns for all that lies below them", () => {
    const touches = expectTouches(["src/**"], [["src/a.ts", "other.ts"]]);
    expect([...touches.keys()].toSorted()).toEqual(["src", "src/a.ts"]);
    expect(predictClash(touches, new Map([["src/a.ts", 1]])).probability).toBeCloseTo(0.3 * 0.28);
    expect(predictClash(touches, new Map([["other.ts", 1]]))).toEqual({ probability: 0, paths: [] });
  });
});
