import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { dangerOf } from "../../../kernel/dangerous-paths.ts";
import { loadRoles, OWN_ROLES, sameModelWarning } from "../../../orchestrator/roles/roles.ts";

const repo = mkdtempSync(join(tmpdir(), "slipway-roles-"));
const shipped = loadRoles();

beforeEach(() => {
  rmSync(join(repo, OWN_ROLES), { recursive: true, force: true });
  mkdirSync(join(repo, OWN_ROLES));
});
afterAll(() => rmSync(repo, { recursive: true, force: true }));

const write = (role: string, text: string): void => writeFileSync(join(repo, OWN_ROLES, `${role}.md`), text);

test("the shipped roles say who may change files", () => {
  expect(shipped.implementer.tools).toContain("run_command");
  expect([shipped.planner.tools, shipped.reviewer.tools]).toEqual([
    ["list_files", "read_file"],
    ["list_files", "read_file"],
  ]);
  expect(shipped.reviewer.prompt).toMatch(/^You review/);
});

test("a repository replaces the text of a role, takes tools away, or both; the other roles stay", () => {
  write("reviewer", "Be kind.\n");
  write("implementer", "---\r\nname: implementer\r\ntools: [list_files, read_file, replace_text]\r\n---\r\n");
  const roles = loadRoles(repo);
  expect(roles.reviewer).toEqual({ prompt: "Be kind.", tools: shipped.reviewer.tools });
  expect(roles.implementer).toEqual({
    prompt: shipped.implementer.prompt,
    tools: ["list_files", "read_file", "replace_text"],
  });
  expect(roles.planner).toEqual(shipped.planner);
});

test.each([
  [
    "a tool that the role may not have",
    "---\ntools: [run_command]\n---\n",
    /may not have the tool "run_command"/,
  ],
  ["an unknown key", "---\nmodel: x\n---\n", /reviewer\.md is wrong at .*model/],
  ["another role's name", "---\nname: planner\n---\n", /names the role planner/],
  ["front matter that is not YAML", "---\ntools: [\n---\n", /is not YAML/],
])("%s is refused", (_what, text, message) => {
  write("reviewer", text);
  expect(() => loadRoles(repo)).toThrow(message);
});

test("a change to the roles needs a person's eye", () => {
  expect(dangerOf(`${OWN_ROLES}/reviewer.md`)).toContain("instructs");
});

test("who reviews what it wrote is told of", () => {
  const model = (name: string) => ({ provider: "anthropic", model: name }) as const;
  const both = { implementer: model("a"), reviewer: model("a") };
  expect(sameModelWarning("api", both)).toMatch(/^warning: a reviews what it wrote itself/);
  expect(sameModelWarning("api", { ...both, reviewer: model("b") })).toBeNull();
  expect(sameModelWarning("command:x", both)).toBeNull();
  expect(sameModelWarning("api", {})).toBeNull();
});
