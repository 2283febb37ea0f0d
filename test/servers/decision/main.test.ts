import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ServerSources } from "../../../kernel/config.ts";
import { silentLog } from "../../../kernel/log.ts";
import { readDecisionConfig } from "../../../servers/decision/config.ts";
import { openDecision } from "../../../servers/decision/main.ts";
import { callTool, connect, mustCall } from "../../support/connect.ts";
import { makeRepository, type Repository } from "./repository.ts";

let repo: Repository;
let folder: string;
beforeEach(() => {
  repo = makeRepository();
  repo.write("a.ts", "x\n");
  repo.commit("first");
  folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-main-")));
});
afterEach(() => {
  repo.remove();
  rmSync(folder, { recursive: true, force: true });
});

const sources = (cwd: string, env: ServerSources["env"] = {}): ServerSources => ({
  home: join(folder, "home"),
  env: { PATH: process.env["PATH"], ...env },
  cwd,
  log: silentLog,
});

test("started in a worktree of its own, it measures that worktree and its main one, and nothing else", async () => {
  const worktree = join(folder, "worktree");
  repo.git("worktree", "add", "--quiet", "-b", "work", worktree);
  const other = makeRepository();
  const server = await openDecision(sources(worktree));
  const { client, close } = await connect(server);
  try {
    for (const path of [worktree, repo.path]) {
      expect(await callTool(client, "assess_risk", { action: "merge", repo: path })).toMatchObject({
        ok: true,
      });
    }
    expect(await callTool(client, "assess_risk", { action: "merge", repo: other.path })).toMatchObject({
      ok: false,
      error: { code: "denied" },
    });
  } finally {
    await close();
    await server.close();
    other.remove();
  }
});

test("opening makes nothing but its store, and no git is needed to decide on facts", async () => {
  const server = await openDecision({ ...sources(repo.path), env: { PATH: folder } });
  const { client, close } = await connect(server);
  expect(
    await callTool(client, "decide", { action: "plan", facts: { coverage: 1, complexity: 0 } }),
  ).toMatchObject({ ok: true });
  expect(existsSync(join(folder, "home", "git-home"))).toBe(false);
  expect(await callTool(client, "assess_risk", { action: "merge", repo: repo.path })).toMatchObject({
    ok: false,
    error: { code: "unavailable", message: "git could not be started" },
  });
  await close();
  await server.close();
});

test("the project is the host's, else the working directory; the root of the file system is none", () => {
  expect(readDecisionConfig(sources("/")).roots).toEqual([]);
  expect(readDecisionConfig(sources("/", { CLAUDE_PROJECT_DIR: repo.path })).roots).toEqual([repo.path]);
  expect(readDecisionConfig(sources(folder)).roots).toEqual([folder]);
  expect(readDecisionConfig(sources(folder, { SLIPWAY_ROOTS: `/srv/a${delimiter}b` })).roots).toEqual([
    "/srv/a",
    join(folder, "b"),
    folder,
  ]);
});

test("worktrees of tasks may be measured as soon as there are any", async () => {
  const server = await openDecision(sources(repo.path));
  const { client, close } = await connect(server);
  const worktree = join(folder, "home", "worktrees", "task");
  repo.git("worktree", "add", "--quiet", "-b", "task", worktree);
  expect(await callTool(client, "assess_risk", { action: "merge", repo: worktree })).toMatchObject({
    ok: true,
  });
  await close();
  await server.close();
});

test("the policy is the one that slipway.yaml of the main worktree names; a worktree's own changes nothing", async () => {
  const decideIn = async (cwd: string, home: string): Promise<string> => {
    const server = await openDecision({ ...sources(cwd), home: join(folder, home) });
    const { client, close } = await connect(server);
    const { policy_version, verdict } = await mustCall(client, "decide", {
      action: "plan",
      facts: { coverage: 1, complexity: 0 },
      confidence: 0.95,
    });
    await close();
    await server.close();
    return `${String(policy_version).replace(/@.*/, "")} ${String(verdict)}`;
  };
  const worktree = join(folder, "worktree");
  repo.git("worktree", "add", "--quiet", "-b", "work", worktree);
  expect(await decideIn(worktree, "a")).toBe("balanced proceed_with_monitoring");
  writeFileSync(join(worktree, "slipway.yaml"), "policy: classic\n");
  expect(await decideIn(worktree, "a")).toBe("balanced proceed_with_monitoring");
  repo.write("slipway.yaml", "policy: no_compromise\n");
  expect(await decideIn(worktree, "a")).toBe("no_compromise request_review");
  repo.write("slipway.yaml", "policy: mine.yaml\n");
  expect(await decideIn(worktree, "a")).toBe("closed require_human");
  repo.write("mine.yaml", "name: mine\notherwise: { verdict: block, because: else }\n");
  expect(await decideIn(worktree, "a")).toBe("mine block");
  repo.write("slipway.yaml", "policy: [");
  expect(await decideIn(worktree, "a")).toBe("closed require_human");
});
