import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  bumpOf,
  changelogOf,
  nextVersion,
  parseVersion,
  readChangesets,
} from "../../../servers/git/domain/release.ts";
import { openGitBench, type GitBench } from "./git-server.ts";

let bench: GitBench;
let repo: string;

beforeAll(async () => {
  bench = await openGitBench();
  repo = bench.ground.repository(join(bench.ground.app, "repo"));
});
afterAll(() => bench.close());

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
const commit = (message: string): string => git("commit", "--quiet", "--allow-empty", `--message=${message}`);
const plan = () => bench.must("plan_release", { repo });

describe("plan_release and publish_release", () => {
  it("goes from commits to a pushed annotated tag, at the expected commit only", async () => {
    expect(await plan()).toMatchObject({ version: null, previous: null });
    commit("feat: begin");
    expect(await plan()).toMatchObject({ version: "0.1.0" });
    git("tag", "v1.4.0");
    git("tag", "v1.10.0-beta");
    commit("fix(core): mend it");
    commit("docs: say it");
    const next = await plan();
    expect(next).toMatchObject({ version: "1.4.1", previous: "v1.4.0", head: git("rev-parse", "HEAD") });
    expect(next["changelog"]).toMatch(/^### Fixed\n\n- \*\*core\*\*: mend it \([0-9a-f]{8}\)$/);
    const bare = join(bench.ground.app, "bare");
    bench.ground.git(bench.ground.app, "clone", "--quiet", "--bare", repo, bare);
    git("remote", "add", "origin", bare);
    const args = { repo, version: "1.4.1", expected_head: next["head"], remote: "origin" };
    expect(await bench.refused("publish_release", { ...args, expected_head: "HEAD^" })).toMatchObject({
      code: "conflict",
    });
    expect(await bench.refused("publish_release", { ...args, sign: true })).toMatchObject({
      code: "unavailable",
    });
    expect(await bench.refused("publish_release", { ...args, version: "1.4" })).toMatchObject({
      code: "invalid",
    });
    expect(git("tag", "--list", "v1.4.1")).toBe("");
    expect(await bench.must("publish_release", args)).toMatchObject({ tag: "v1.4.1", commit: next["head"] });
    expect(git("cat-file", "-t", "v1.4.1")).toBe("tag");
    expect(bench.ground.git(bare, "rev-parse", "v1.4.1^{commit}")).toBe(next["head"]);
    expect(await bench.must("publish_release", args)).toMatchObject({ tag: "v1.4.1" });
    commit("feat: more");
    expect(
      await bench.refused("publish_release", { ...args, expected_head: git("rev-parse", "HEAD") }),
    ).toMatchObject({ code: "conflict" });
    git("fsck", "--strict");
  });
});

describe("the rules", () => {
  const commits = (...messages: readonly string[]) =>
    messages.map((message) => ({ id: "a".repeat(40), message }));

  it.each([
    [["docs: a", "chore: b", "no form"], undefined],
    [["fix: a", "docs: b"], "patch"],
    [["fix: a", "feat(x): b"], "minor"],
    [["feat!: a"], "major"],
    [["fix: a\n\nBREAKING CHANGE: b"], "major"],
  ] as const)("%s asks for %s", (messages, bump) => {
    expect(bumpOf(commits(...messages))).toBe(bump);
  });

  it.each([
    ["1.2.3", "major", { major: 2, minor: 0, patch: 0 }],
    ["0.2.3", "major", { major: 0, minor: 3, patch: 0 }],
    ["0.2.3", "patch", { major: 0, minor: 2, patch: 4 }],
  ] as const)("after %s a %s step", (text, bump, next) => {
    expect(nextVersion(parseVersion(text) ?? { major: 9, minor: 9, patch: 9 }, bump)).toEqual(next);
  });

  it("reads changesets", () => {
    expect(readChangesets(['---\n"a": minor\n"b": patch\n---\n\nText\n', "no head"])).toEqual({
      bump: "minor",
      notes: ["Text"],
    });
    expect(changelogOf(commits("feat!: a"), ["Text"])).toBe(
      "- Text\n\n### Breaking changes\n\n- a (aaaaaaaa)",
    );
  });
});
