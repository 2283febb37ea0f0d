import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openGitBench, type GitBench } from "./git-server.ts";

let bench: GitBench;
let bare: string;
let repo: string;
let other: string;
let number = 0;

beforeAll(async () => {
  bench = await openGitBench();
});
afterAll(() => bench.close());
beforeEach(() => {
  number += 1;
  bare = join(bench.ground.app, `bare-${number}`);
  repo = bench.ground.repository(join(bench.ground.app, `repo-${number}`), { "a.txt": "1\n" });
  bench.ground.git(bench.ground.app, "clone", "--quiet", "--bare", repo, bare);
  git("remote", "add", "origin", bare);
  other = join(bench.ground.app, `other-${number}`);
});

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
const sync = (action: string, more: Record<string, unknown> = {}) =>
  bench.must("sync_remote", { repo, action, ...more });
const refused = (action: string, more: Record<string, unknown> = {}) =>
  bench.refused("sync_remote", { repo, action, ...more });
/** Commits and pushes in another clone; made when it is first needed. */
function elsewhere(text: string): string {
  if (!existsSync(other)) bench.ground.git(bench.ground.app, "clone", "--quiet", bare, other);
  bench.ground.write(other, { "a.txt": text });
  bench.ground.git(other, "commit", "--quiet", "--all", "--message=elsewhere");
  bench.ground.git(other, "push", "--quiet", "origin", "HEAD:main");
  return bench.ground.git(other, "rev-parse", "HEAD");
}

describe("sync_remote", () => {
  it("fetches, pulls by fast-forward with the files, and a pull can be undone", async () => {
    const theirs = elsewhere("2\n");
    expect(await sync("fetch")).toMatchObject({
      refs: [{ ref: "refs/remotes/origin/main", from: null, to: theirs }],
      effects: { hosts: [] },
    });
    expect(git("rev-parse", "main")).not.toBe(theirs);
    const pulled = await sync("pull");
    expect(pulled).toMatchObject({ effects: { files: ["a.txt"] } });
    expect(git("rev-parse", "main")).toBe(theirs);
    expect(git("status", "--porcelain")).toBe("");
    expect(await sync("pull")).toMatchObject({ refs: [] });
    await bench.must("undo_operation", { repo, operation_id: pulled["operation_id"] });
    expect(git("rev-parse", "main")).not.toBe(theirs);
    expect(git("status", "--porcelain")).toBe("");
  });

  it("does not pull over unsaved work, nor where both have moved on", async () => {
    elsewhere("2\n");
    bench.ground.write(repo, { "a.txt": "mine\n" });
    expect(await refused("pull")).toMatchObject({ code: "invalid_state" });
    git("commit", "--quiet", "--all", "--message=mine");
    const mine = git("rev-parse", "main");
    expect(await refused("pull")).toMatchObject({ code: "conflict" });
    expect(git("rev-parse", "main")).toBe(mine);
  });

  it("pushes, and over the remote only from the commit it names", async () => {
    bench.ground.write(repo, { "a.txt": "mine\n" });
    git("commit", "--quiet", "--all", "--message=mine");
    const mine = git("rev-parse", "main");
    expect(await sync("push", { branch: "main" })).toMatchObject({ refs: [{ to: mine }] });
    expect(bench.ground.git(bare, "rev-parse", "main")).toBe(mine);
    const theirs = elsewhere("theirs\n");
    git("commit", "--quiet", "--amend", "--message=again");
    expect(await refused("push")).toMatchObject({ code: "conflict" });
    expect(await refused("push", { force_with_lease: mine })).toMatchObject({ code: "conflict" });
    expect(await refused("push", { force_with_lease: "main" })).toMatchObject({ code: "invalid" });
    expect(bench.ground.git(bare, "rev-parse", "main")).toBe(theirs);
    await sync("push", { force_with_lease: theirs });
    expect(bench.ground.git(bare, "rev-parse", "main")).toBe(git("rev-parse", "main"));
  });

  it("runs no hooks of either side", async () => {
    const marker = join(bench.ground.base, `executed-${number}`);
    for (const hook of [
      join(repo, ".git/hooks/pre-push"),
      join(bare, "hooks/pre-receive"),
      join(bare, "hooks/update"),
    ]) {
      writeFileSync(hook, `#!/bin/sh\ntouch ${marker}\n`);
      chmodSync(hook, 0o755);
    }
    git("commit", "--quiet", "--allow-empty", "--message=m");
    await sync("push");
    expect(existsSync(marker)).toBe(false);
  });

  it("does not contact what it may not", async () => {
    const addresses = [
      "ext::sh -c 'touch x'",
      "https://user:secret@example.org/x.git",
      "http://example.org/x.git",
      "--upload-pack=touch x",
      "/etc",
    ];
    for (const url of addresses) {
      git("config", "remote.origin.url", url);
      const error = await refused("fetch");
      expect(error, url).toMatchObject({ code: "denied" });
      expect(JSON.stringify(error)).not.toContain("secret");
    }
  });

  it("refuses where the configuration leads elsewhere, and names that are none", async () => {
    for (const remote of ["-x", "a b", "origin/../x", "nothing"])
      expect(["invalid", "not_found"]).toContain((await refused("fetch", { remote }))["code"]);
    git("config", "url.https://evil.example/.insteadOf", bare);
    expect(await refused("push")).toMatchObject({
      code: "denied",
      message: expect.stringContaining("insteadof"),
    });
  });
});
