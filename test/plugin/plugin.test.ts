import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VERSION } from "../../kernel/version.ts";
import { SERVER_NAMES } from "../../orchestrator/servers.ts";
import { pluginFiles } from "../../tools/plugin.ts";
import { CONTRACT } from "../contract/contract.ts";
import { requirement } from "../support/skip.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const BINARY = process.env["SLIPWAY_TEST_CLAUDE"] ?? "";
const claude = requirement("Claude Code", existsSync(BINARY), "SLIPWAY_TEST_CLAUDE names no binary");
const tools = new Set(SERVER_NAMES.flatMap((name) => Object.keys(CONTRACT[name])));

test("commands and agents are written from the servers' prompts and the orchestrator's roles", () => {
  const files = pluginFiles();
  expect([...files.keys()].filter((path) => !existsSync(join(root, path)))).toEqual([]);
  for (const [path, text] of files) expect(read(path), `${path}: run npm run docs`).toBe(text);
});

test("the plugin has the version of the package, and its launcher can be run", () => {
  expect(JSON.parse(read("plugin/.claude-plugin/plugin.json"))).toMatchObject({
    name: "slipway",
    version: VERSION,
  });
  expect(JSON.parse(read(".claude-plugin/marketplace.json"))).toMatchObject({
    plugins: [{ name: "slipway", source: "./plugin" }],
  });
  expect(statSync(join(root, "plugin/serve")).mode & 0o111).toBe(0o111);
});

test("every tool's name fits behind the plugin's prefix", () => {
  const longest = Math.max(...[...tools].map((name) => `mcp__plugin_slipway_slipway__${name}`.length));
  expect(longest).toBeLessThanOrEqual(64);
});

test("what the plugin teaches names only tools that are there", () => {
  const skills = readdirSync(join(root, "plugin/skills")).map((name) => `plugin/skills/${name}/SKILL.md`);
  for (const path of [...skills, "plugin/commands/status.md"]) {
    // Fields, values and states of answers have the same spelling, and no verb in front.
    const named = [...read(path).matchAll(/(?<![.\w])([a-z]+(?:_[a-z]+)+)/g)].map(([, name]) => name ?? "");
    const verbs = new Set([...tools].map((name) => name.split("_")[0]));
    const unknown = named.filter((name) => !tools.has(name) && verbs.has(name.split("_")[0]));
    expect(
      unknown.filter((name) => !["cancel_requested"].includes(name)),
      path,
    ).toEqual([]);
  }
});

test.skipIf(claude.skip)(`claude plugin validate passes${claude.label}`, () => {
  const home = mkdtempSync(join(tmpdir(), "slipway-plugin-"));
  const env = { PATH: process.env["PATH"], HOME: home, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" };
  for (const folder of ["plugin", "."]) {
    const said = execFileSync(BINARY, ["plugin", "validate", folder], { cwd: root, env, encoding: "utf8" });
    expect(said).toContain("Validation passed");
    expect(said).not.toContain("warning");
  }
  rmSync(home, { recursive: true, force: true });
});
