import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { githubAuthorization } from "../../../servers/git/adapters/github-client.ts";
import { openForge, TOKEN, type ForgeDouble } from "../../support/forge/forge.ts";
import { gitPlayground } from "../../support/git-repository.ts";
import { openGitBench, type GitBench } from "./git-server.ts";

let bench: GitBench;
let readers: GitBench;
let forge: ForgeDouble;
let repo: string;
let number = 0;

beforeAll(async () => {
  const ground = gitPlayground();
  repo = ground.repository(join(ground.app, "repo"), {
    "a.txt": "1\n",
    "docs/x.md": "x\n",
    ".github/CODEOWNERS": "* @carol\n*.txt @bob @ann @nobody\n",
  });
  forge = await openForge(ground, repo);
  ground.git(repo, "remote", "add", "origin", forge.remote);
  const github = { url: forge.api, token: TOKEN, readOnly: false, paced: false };
  const settings = { protocols: ["https", "ssh", "http"], authorization: githubAuthorization(github) };
  bench = await openGitBench(settings, ground, github);
  readers = await openGitBench(settings, gitPlayground(), { ...github, readOnly: true });
});
afterAll(async () => {
  await forge.close();
  await readers.close();
  await bench.close();
});
beforeEach(() => {
  number += 1;
  forge.faults = () => undefined;
});

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
/** A pushed branch with one change. */
async function pushed(files: Readonly<Record<string, string>>, from = "origin/main"): Promise<string> {
  const head = `work-${number}`;
  git("switch", "--quiet", "--create", head, ...(from === "origin/main" ? ["main"] : [from]));
  bench.ground.write(repo, files);
  git("add", "--all");
  git("commit", "--quiet", "--message=m");
  await bench.must("sync_remote", { repo, action: "push", branch: head });
  git("switch", "--quiet", "main");
  return head;
}
const write = (action: string, args: Record<string, unknown>) =>
  bench.must("write_pull_request", { repo, action, ...args });
const refused = (action: string, args: Record<string, unknown>) =>
  bench.refused("write_pull_request", { repo, action, ...args });
const numberOf = (answer: Record<string, unknown>): unknown => Object(answer["pull_request"])["number"];

describe("write_pull_request", () => {
  it("creates one per head and base, with the owners of the changed files as reviewers", async () => {
    const head = await pushed({ "a.txt": `change ${number}\n` });
    const answer = await write("create", { head, title: "T", body: "B" });
    expect(answer).toMatchObject({
      pull_request: {
        state: "open",
        title: "T",
        base: "main",
        mergeable: true,
        trusted: true,
        requested_reviewers: ["bob"],
      },
      unknown_reviewers: ["nobody"],
      effects: { hosts: ["127.0.0.1"] },
    });
    expect(numberOf(await write("create", { head, title: "T" }))).toBe(numberOf(answer));
    expect(await bench.must("get_pull_request", { repo, head })).toMatchObject({
      pull_request: { body: "B" },
    });
    expect(await bench.must("get_pull_request", { repo, head: "none" })).toEqual({ pull_request: null });
  });

  it("creates exactly one whatever happens to its requests", async () => {
    const head = await pushed({ [`${number}.md`]: "x\n" });
    const kinds = ["500_after", "cut_after", "500_before"] as const;
    let at = 0;
    forge.faults = (method, path) => (method === "POST" && path.endsWith("/pulls") ? kinds[at++] : undefined);
    const before = forge.state.pulls.length;
    await write("create", { head, title: "T", idempotency_key: head });
    expect(forge.state.pulls.length).toBe(before + 1);
    expect(at).toBe(1);
  });

  it("merges at the expected head only, and not what conflicts or lacks a review", async () => {
    const head = await pushed({ "merge.txt": "1\n" });
    const pull = numberOf(await write("create", { head, title: "T" }));
    forge.state.requiredApprovals.set("main", 1);
    const args = { number: pull, expected_head: git("rev-parse", head) };
    expect(await refused("merge", args)).toMatchObject({ code: "invalid_state" });
    expect(await refused("review", { number: pull, verdict: "approve" })).toMatchObject({ code: "invalid" });
    forge.state.requiredApprovals.clear();
    expect(await refused("merge", { ...args, expected_head: git("rev-parse", "main") })).toMatchObject({
      code: "conflict",
    });
    expect(await refused("merge", { number: pull })).toMatchObject({ code: "invalid" });
    forge.faults = (method) => (method === "PUT" ? "500_after" : undefined);
    const merged = await write("merge", args);
    expect(merged).toMatchObject({ pull_request: { state: "merged" } });
    expect(bench.ground.git(forge.bare, "rev-parse", "main")).toBe(merged["merged_commit"]);
    forge.faults = () => undefined;
    number += 1;
    const other = await pushed({ "merge.txt": "2\n" });
    const conflicting = await write("create", { head: other, title: "T" });
    expect(conflicting).toMatchObject({ pull_request: { mergeable: false } });
    expect(
      await refused("merge", { number: numberOf(conflicting), expected_head: git("rev-parse", other) }),
    ).toMatchObject({ code: "invalid_state" });
  });

  it("updates, comments once, and enqueues at the expected head", async () => {
    const head = await pushed({ [`${number}.md`]: "x\n" });
    const pull = numberOf(await write("create", { head, title: "T" }));
    expect(await write("update", { number: pull, title: "New" })).toMatchObject({
      pull_request: { title: "New" },
    });
    await write("comment", { number: pull, body: "hello", idempotency_key: `c-${number}` });
    await write("comment", { number: pull, body: "hello", idempotency_key: `c-${number}` });
    expect(forge.state.pulls.at(-1)?.comments).toHaveLength(1);
    await write("enqueue", { number: pull, expected_head: git("rev-parse", head) });
    expect(forge.state.queue).toEqual([pull]);
    expect(await bench.eventTypes()).toContain("pull_request.changed");
  });

  it("only reads where it is told to, or where there are no credentials", async () => {
    const copy = readers.ground.repository(join(readers.ground.app, "copy"));
    readers.ground.git(copy, "remote", "add", "origin", forge.remote);
    const before = forge.requests.length;
    expect(
      await readers.refused("write_pull_request", { repo: copy, action: "comment", number: 1, body: "x" }),
    ).toMatchObject({ code: "denied" });
    expect(forge.requests.slice(before).every((request) => request.startsWith("GET"))).toBe(true);
    expect(await readers.must("get_pull_request", { repo: copy, number: 1 })).toMatchObject({
      pull_request: { number: 1 },
    });
    readers.ground.git(copy, "remote", "set-url", "origin", "https://elsewhere.example/a/b.git");
    expect(await readers.refused("get_pull_request", { repo: copy, number: 1 })).toMatchObject({
      code: "invalid_state",
    });
  });
});

describe("a GitHub that misbehaves", () => {
  it.each([
    ["rate_limit", "limit"],
    ["not_json", "unavailable"],
    ["strange", "unavailable"],
    ["500_before", "unavailable"],
    ["cut_before", "unavailable"],
  ] as const)("%s is told as %s", async (fault, code) => {
    forge.faults = () => fault;
    const error = await bench.refused("get_checks", { repo, ref: "main" });
    expect(error).toMatchObject({ code, retryable: true });
    expect(JSON.stringify(error)).not.toContain(TOKEN);
  });

  it("that never answers is waited for so long and no longer", async () => {
    const github = { url: forge.api, token: TOKEN, readOnly: true, paced: false, timeoutMs: 100 };
    const hasty = await openGitBench({}, { ...bench.ground, dispose: () => {} }, github);
    forge.faults = () => "stall";
    expect(await hasty.refused("get_checks", { repo, ref: "main" })).toMatchObject({
      code: "unavailable",
      retryable: true,
    });
    await hasty.close();
  });
});

describe("get_checks and search_repositories", () => {
  it("puts failed checks first, with the lines of the log that tell why", async () => {
    const commit = git("rev-parse", "main");
    const run = (id: number, name: string, status: string, conclusion: string | null) => ({
      id,
      name,
      status,
      conclusion,
      html_url: `https://forge/${id}`,
      output: { title: null, summary: null },
    });
    forge.state.checks.set(commit, [
      run(1, "lint", "completed", "success"),
      run(2, "test", "completed", "failure"),
      run(3, "slow", "in_progress", null),
    ]);
    forge.state.logs.set(
      2,
      `${"noise\n".repeat(500)}2026-01-01T00:00:00.0000000Z AssertionError: expected 1 to be 2\n${"noise\n".repeat(500)}`,
    );
    const answer = await bench.must("get_checks", { repo, ref: "main" });
    expect(answer).toMatchObject({
      state: "failure",
      checks: [
        {
          name: "test",
          state: "failure",
          log: expect.stringMatching(/^noise\nAssertionError: expected 1 to be 2\nnoise/),
        },
        { name: "lint", state: "success" },
        { name: "slow", state: "pending" },
      ],
    });
    expect(await bench.must("get_checks", { repo, ref: "HEAD~0" })).toMatchObject({ state: "failure" });
  });

  it("finds repositories in pages, in clean text", async () => {
    const first = await bench.must("search_repositories", { query: "mcp", max_tokens: 20_000 });
    expect(first).toMatchObject({ total: 35 });
    expect(JSON.stringify(first)).not.toMatch(/[\u202e\u001b]/);
    const second = await bench.must("search_repositories", { query: "mcp", cursor: first["next_cursor"] });
    expect(Object(second["repositories"])).toHaveLength(5);
    expect(second["next_cursor"]).toBeUndefined();
  });
});
