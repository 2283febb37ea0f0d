import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { COMMANDS, findCommand } from "../../bin/commands.ts";
import { readSettings } from "../../orchestrator/config.ts";
import { parsePlan } from "../../orchestrator/plan/plan.ts";
import { SERVER_NAMES } from "../../orchestrator/servers.ts";
import { CONTRACT } from "../contract/contract.ts";
import { slipwayHere } from "../support/slipway-here.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const readme = read("README.md");
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

const folder = mkdtempSync(join(tmpdir(), "slipway-readme-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The fenced blocks of one language. */
function blocks(page: string, language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(
    ([, text]) => text ?? "",
  );
}

/** Command lines of a page: inline code and indented blocks that start with `slipway`, without the program's name. */
function commandLines(page: string): readonly string[] {
  const inline = [...page.matchAll(/`slipway ([^`\n]+)`/g)];
  const indented = [...page.matchAll(/^ {4}slipway ([^\n]+)$/gm)];
  return [...inline, ...indented].map(([, line]) => (line ?? "").replace(/ #.*$/, "").trim());
}

/** What a line's command is, and its flags. A word in angle brackets stands for any. */
function parts(line: string): { readonly words: readonly string[]; readonly flags: readonly string[] } {
  const words = line.split(/\s+/).map((word) => word.replaceAll(/^["']|["']$/g, ""));
  const first = words.findIndex((word) => word.startsWith("-"));
  return {
    words: first < 0 ? words : words.slice(0, first),
    flags: words.filter((word) => word.startsWith("--")),
  };
}

const lines = pages.flatMap((page) =>
  commandLines(read(page)).map((line) => ({ page, line, ...parts(line) })),
);

test("the pages name commands at all", () => {
  expect(lines.filter(({ page }) => page === "README.md").length).toBeGreaterThan(15);
});

test.each(lines)("$page: slipway $line", async ({ line, words, flags }) => {
  if (words.length === 0 || flags.includes("--help")) {
    expect(await slipwayHere(line.split(" "), { cwd: folder })).toMatchObject({ code: 0 });
    return;
  }
  const known = findCommand(words.map((word) => (word === "<server>" ? "tasks" : word)));
  expect(known, "there is no such command").toBeDefined();
  const asked =
    [...COMMANDS.keys()].find((name) => words.join(" ").startsWith(name)) ?? words.slice(0, 2).join(" ");
  for (const flag of flags) {
    if (flag === "--home") continue;
    const help = await slipwayHere([...asked.split(" "), "--help"], { cwd: folder });
    expect([...help.out, ...help.err].join("\n"), asked).toContain(flag);
  }
});

test("every command of the help stands in the README", () => {
  const named = commandLines(readme).map((line) => `${line} `);
  const missing = [...COMMANDS.keys()].filter((name) => !named.some((line) => line.startsWith(`${name} `)));
  expect(missing).toEqual([]);
});

test("flags that the README names in prose are flags", async () => {
  const helps = await Promise.all(
    ["run", "serve", "demo", "approvals"].map((name) => slipwayHere([name, "--help"], { cwd: folder })),
  );
  const help = helps.flatMap(({ out, err }) => [...out, ...err]).join("\n");
  const flags = new Set([...readme.matchAll(/`(--[a-z-]+)[^`]*`/g)].map(([, flag]) => flag ?? ""));
  expect(flags.size).toBeGreaterThan(5);
  expect([...flags].filter((flag) => !help.includes(flag))).toEqual([]);
});

test("the table of servers names every tool, and no other", () => {
  for (const server of SERVER_NAMES) {
    const row = readme.split("\n").find((line) => line.startsWith(`| ${server} | `)) ?? "";
    const named = [...row.matchAll(/`([a-z_]+)`/g)].map(([, name]) => name);
    expect(named.toSorted(), server).toEqual(Object.keys(CONTRACT[server]).toSorted());
  }
});

test("every variable of the table is read somewhere", async () => {
  const rows = readme
    .slice(readme.indexOf("## Configuration"))
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  const names = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name ?? ""),
  );
  expect(names.length).toBeGreaterThan(8);
  const { stdout } = await promisify(execFile)(
    "git",
    ["grep", "-ohE", "[A-Z][A-Z_]{4,}|\\bCI\\b", "--", "bin", "kernel", "servers", "orchestrator", "test"],
    {
      cwd: root,
      maxBuffer: 50_000_000,
    },
  );
  const used = new Set(stdout.split("\n"));
  expect(names.filter((name) => !used.has(name))).toEqual([]);
});

const Manifest = z.object({ scripts: z.record(z.string(), z.string()) });

test.each(pages)("%s names npm scripts that exist", (page) => {
  const { scripts } = Manifest.parse(JSON.parse(read("package.json")));
  const named = [...read(page).matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name ?? "");
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});

test.each(pages)("%s links to files that are there", (page) => {
  const targets = [...read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
    .map(([, target]) => target ?? "")
    .filter((target) => !/^[a-z]+:/.test(target));
  expect(targets.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
});

/** Paths of the tree that a page names as code: a folder of ours, then a file or folder. */
const PATH = /`((?:bin|bench|docs|kernel|orchestrator|servers|test|tools|\.ci)\/[\w./-]+)`/g;

test.each(pages)("%s names files that are there", (page) => {
  const named = [...read(page).matchAll(PATH)].map(([, path]) => path ?? "");
  // Worked examples may name the file that is to be made.
  const missing = named.filter((path) => !existsSync(join(root, path)) && !path.includes("pause-task"));
  expect(missing).toEqual([]);
});

test.each(pages)("%s holds no path of somebody's machine", (page) => {
  expect(read(page)).not.toMatch(/(?<![\w.$~<>{}…-])\/(home|root|Users|tmp|work|mnt|private)\//);
});

describe("the examples work", () => {
  test("plan.yaml", () => {
    const [plan] = blocks(readme, "yaml");
    expect(parsePlan(parse(plan ?? "")).tasks.map(({ ref }) => ref)).toEqual(["fix-add", "note"]);
  });

  test("slipway.yaml", () => {
    const [, settings] = blocks(readme, "yaml");
    writeFileSync(join(folder, "slipway.yaml"), settings ?? "");
    expect(readSettings(folder, {})).toMatchObject({
      runner: "api",
      ignored: [],
      models: { reviewer: { model: "another-model-id" } },
    });
  });

  test(".mcp.json", () => {
    const [config] = blocks(readme, "json");
    const { mcpServers } = z
      .object({
        mcpServers: z.record(z.string(), z.object({ command: z.string(), args: z.array(z.string()) })),
      })
      .parse(JSON.parse(config ?? ""));
    expect(mcpServers["slipway"]?.args).toEqual(["serve", "all"]);
  });

  test("embedding one server", async () => {
    const [code = ""] = blocks(readme, "ts");
    const file = join(folder, "embed.ts");
    const places: Readonly<Record<string, string>> = {
      "slipway/tasks": join(root, "servers/tasks/index.ts"),
      "slipway/mcp": join(root, "kernel/mcp/index.ts"),
      "@modelcontextprotocol/client": fileURLToPath(import.meta.resolve("@modelcontextprotocol/client")),
    };
    writeFileSync(
      file,
      Object.entries(places).reduce(
        (text, [name, place]) => text.replace(JSON.stringify(name), JSON.stringify(place)),
        code,
      ),
    );
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", file],
      { cwd: folder },
    );
    expect(stdout).toContain("Write the parser");
    expect(existsSync(join(folder, "state/tasks.db"))).toBe(true);
  });
});

test("the agents' page stays short, and CLAUDE.md only leads to it", () => {
  expect(read("AGENTS.md").trimEnd().split("\n").length).toBeLessThanOrEqual(60);
  expect(read("CLAUDE.md").trim()).toBe("@AGENTS.md");
});
