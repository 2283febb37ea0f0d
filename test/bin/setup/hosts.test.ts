import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "smol-toml";
import { HOSTS } from "../../../bin/setup/hosts.ts";
import { init } from "../../../bin/setup/init.ts";
import { SETTINGS_TEXT } from "../../../bin/setup/settings-file.ts";
import { parse as parseYaml } from "yaml";
import { readSettings } from "../../../orchestrator/config.ts";
import { temporaryFolder } from "../../support/notes-store.ts";
import { slipwayHere } from "../../support/slipway-here.ts";

let folder: ReturnType<typeof temporaryFolder>;
let project: string;
let user: string;
beforeEach(() => {
  folder = temporaryFolder();
  project = folder.in("project");
  user = folder.in("user");
  for (const path of [project, user, join(project, ".git")]) mkdirSync(path);
});
afterEach(() => folder.remove());

const run = (...argv: readonly string[]) =>
  slipwayHere(argv, {
    cwd: project,
    env: { HOME: user, PATH: "/nonexistent", XDG_CONFIG_HOME: join(user, ".config") },
  });
const write = (path: string, text: string): string => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
};
const read = (path: string): string => readFileSync(path, "utf8");
const ALL = HOSTS.map(({ id }) => id);

/** The files of every host, project first, as their own documentation has them. */
const FILES: Readonly<Record<string, string>> = {
  claude: "project/.mcp.json",
  "claude-desktop": "user/.config/Claude/claude_desktop_config.json",
  codex: "user/.codex/config.toml",
  gemini: "project/.gemini/settings.json",
  cursor: "project/.cursor/mcp.json",
  vscode: "project/.vscode/mcp.json",
  windsurf: "user/.codeium/windsurf/mcp_config.json",
  zed: "project/.zed/settings.json",
};

test("every host gets the servers in its own file and form, once, and gives them back", async () => {
  expect(Object.keys(FILES)).toEqual(ALL);
  const added = await run("mcp", "add", ...ALL);
  expect(added).toMatchObject({ code: 0, out: [] });
  expect(added.err).toHaveLength(ALL.length);
  const command = expect.stringMatching(/bin\/slipway$/);
  const args = ["serve", "all"];
  const bound = [...args, "--home", join(project, ".slipway"), "--root", project];
  const json = (id: string): unknown => JSON.parse(read(folder.in(FILES[id] ?? "")));
  for (const id of ["claude", "gemini", "cursor"])
    expect(json(id)).toEqual({ mcpServers: { slipway: { command, args } } });
  for (const id of ["claude-desktop", "windsurf"])
    expect(json(id)).toEqual({ mcpServers: { slipway: { command, args: bound } } });
  expect(json("vscode")).toEqual({ servers: { slipway: { type: "stdio", command, args } } });
  expect(json("zed")).toEqual({ context_servers: { slipway: { source: "custom", command, args } } });
  expect(parse(read(folder.in(FILES["codex"] ?? "")))).toEqual({
    mcp_servers: { slipway: { command, args } },
  });

  const listed = await run("mcp", "--json");
  expect(listed.out.map((line) => JSON.parse(line))).toEqual(
    ALL.map((host) => expect.objectContaining({ host, configured: [folder.in(FILES[host] ?? "")] })),
  );
  const again = await run("mcp", "add", ...ALL);
  expect(again.code).toBe(0);
  expect(again.err.every((line) => line.endsWith(" already"))).toBe(true);

  expect(await run("mcp", "remove", ...ALL)).toMatchObject({ code: 0 });
  expect(Object.values(FILES).filter((file) => existsSync(folder.in(file)))).toEqual([]);
});

test("what is there stays, is copied first, and keeps its mode and its link", async () => {
  const dots = write(
    folder.in("dotfiles/mcp.json"),
    '{ // mine\n  "mcpServers": { "x": { "command": "x" } }\n}\n',
  );
  chmodSync(dots, 0o600);
  mkdirSync(join(project, ".cursor"));
  symlinkSync(dots, join(project, ".cursor/mcp.json"));
  const before = read(dots);
  const tried = await run("mcp", "add", "cursor", "--dry-run");
  expect(tried.err).toEqual([expect.stringContaining("would be added")]);
  expect(read(dots)).toBe(before);
  expect(existsSync(join(project, ".slipway"))).toBe(false);

  expect((await run("mcp", "add", "cursor", "--separate")).code).toBe(0);
  expect(read(dots)).toContain("// mine");
  expect(read(dots)).toContain('"slipway-decision"');
  expect(statSync(dots).mode & 0o777).toBe(0o600);
  const backups = join(project, ".slipway/host-backups");
  const [copy = ""] = readdirSync(backups);
  expect(read(join(backups, copy))).toBe(before);
  expect(statSync(join(backups, copy)).mode & 0o777).toBe(0o600);

  expect((await run("init", "--remove")).code).toBe(0);
  expect(read(dots)).toBe(before);
});

test.each([
  [
    "no JSON",
    '{"mcpServers": ',
    /^slipway: \S+mcp\.json was left as it is: it is not JSON \(line 1: \w+\) \(mend it, or add by hand: slipway mcp print cursor\)$/,
    2,
  ],
  ["a list of servers", '{"mcpServers": []}', /"mcpServers" is no object/, 2],
  ["read-only", "{}", /is read-only \(make it writable, or add by hand/, 4],
])("a file with %s is left as it is, in one line", async (what, text, line, code) => {
  const file = write(join(project, ".cursor/mcp.json"), text);
  if (what === "read-only") chmodSync(file, 0o444);
  const refused = await run("mcp", "add", "cursor");
  expect(refused).toMatchObject({ code, out: [] });
  expect(refused.err).toEqual([expect.stringMatching(line)]);
  expect(read(file)).toBe(text);
  expect(readdirSync(join(project, ".cursor"))).toEqual(["mcp.json"]);
});

test("a server of somebody else under our name is neither replaced nor removed", async () => {
  const file = write(join(project, ".mcp.json"), '{"mcpServers": {"slipway": {"command": "other"}}}');
  const text = read(file);
  const kept = await run("mcp", "add", "claude");
  expect(kept).toMatchObject({ code: 1 });
  expect(kept.err).toEqual([expect.stringContaining("left as it is (slipway mcp add claude --replace)")]);
  expect((await run("mcp", "remove", "claude")).code).toBe(1);
  expect(read(file)).toBe(text);
  expect((await run("mcp", "add", "claude", "--replace")).code).toBe(0);
  expect(read(file)).toContain("serve");
});

test("print gives what to paste, and changes nothing", async () => {
  const printed = await run("mcp", "print", "codex");
  expect(parse(printed.out.join("\n"))).toMatchObject({
    mcp_servers: { slipway: { args: ["serve", "all"] } },
  });
  expect(readdirSync(user)).toEqual([]);
});

test.each([
  [["mcp", "add"], /^slipway: which host\? \(one of claude, /],
  [["mcp", "add", "cursr"], /did you mean cursor\?/],
  [["mcp", "grow"], /does not know "grow"/],
  [["init"], /nobody can answer here \(add --yes/],
])("slipway %j is refused", async (argv, line) => {
  const refused = await run(...argv);
  expect(refused).toMatchObject({ code: 2, out: [] });
  expect(refused.err).toEqual([expect.stringMatching(line)]);
});

test("init --yes sets up the hosts it finds and no other, and --remove undoes it", async () => {
  mkdirSync(join(user, ".codex"));
  write(join(user, ".cursor/mcp.json"), "{}");
  expect(await run("init", "--yes")).toMatchObject({ code: 0, out: [] });
  expect(read(join(project, "slipway.yaml"))).toBe(SETTINGS_TEXT);
  expect(readSettings(project, {})).toMatchObject({ autonomy: 3, ignored: [] });
  expect(readdirSync(project).toSorted()).toEqual([".cursor", ".git", "slipway.yaml"]);
  expect(existsSync(join(user, ".codex/config.toml"))).toBe(true);
  const twice = await run("init", "--yes");
  expect(twice.err).toEqual(
    expect.arrayContaining([expect.stringContaining("slipway.yaml is there already")]),
  );
  expect(await run("init", "--remove")).toMatchObject({ code: 0 });
  expect(existsSync(join(project, "slipway.yaml"))).toBe(false);
  expect(existsSync(join(user, ".codex/config.toml"))).toBe(false);
  expect(parseYaml(SETTINGS_TEXT)).toEqual({ autonomy: 3, policy: "balanced" });
});

test("init asks; a no changes nothing, and one broken host does not stop the others", async () => {
  mkdirSync(join(user, ".codex"));
  write(join(project, ".cursor/mcp.json"), "{");
  mkdirSync(join(user, ".cursor"));
  const said: string[] = [];
  const asked: string[] = [];
  const answers = async (answer: string): Promise<number> =>
    init(
      [],
      {
        out: (line) => said.push(line),
        err: (line) => said.push(line),
        env: { HOME: user, PATH: "", XDG_CONFIG_HOME: join(user, ".config") },
        cwd: project,
        terminal: undefined,
        signal: new AbortController().signal,
      },
      () => ({
        user: "person",
        say: () => undefined,
        ask: async (prompt) => {
          asked.push(prompt);
          return answer;
        },
        close: () => undefined,
      }),
    );
  expect(await answers("n")).toBe(1);
  expect(asked).toEqual([
    expect.stringContaining("slipway.yaml?"),
    expect.stringContaining("add Slipway to Codex"),
  ]);
  expect(said).toContainEqual(expect.stringMatching(/cursor\/mcp\.json was left as it is/));
  expect(existsSync(join(project, "slipway.yaml"))).toBe(false);
  expect(await answers("")).toBe(1);
  expect(existsSync(join(user, ".codex/config.toml"))).toBe(true);
});

test("doctor says what is missing, what it costs and how to mend it, without making anything", async () => {
  mkdirSync(join(user, ".codex"));
  const secret = "sk-very-secret";
  const result = await slipwayHere(["doctor", "--json"], {
    cwd: project,
    env: { HOME: user, ANTHROPIC_API_KEY: secret, XDG_CONFIG_HOME: join(user, ".config") },
  });
  expect(result).toMatchObject({ code: 0, err: [] });
  const { ok, checks } = JSON.parse(result.out.join("\n"));
  expect(ok).toBe(true);
  const of = (name: string): unknown => checks.find((check: { name: string }) => check.name === name);
  expect(of("node")).toMatchObject({ status: "ok" });
  expect(of("git")).toMatchObject({ status: "ok", detail: expect.stringMatching(/^2\./) });
  expect(of("docker")).toMatchObject({
    status: "missing",
    costs: expect.any(String),
    fix: expect.any(String),
  });
  expect(of("ANTHROPIC_API_KEY")).toEqual({ name: "ANTHROPIC_API_KEY", status: "ok", detail: "set" });
  expect(of("GITHUB_TOKEN")).toMatchObject({ status: "missing" });
  expect(of("Codex")).toMatchObject({ status: "missing", fix: "slipway mcp add codex" });
  expect(of("state folder")).toMatchObject({ status: "ok" });
  expect(result.out.join("\n")).not.toContain(secret);
  expect(readdirSync(project)).toEqual([".git"]);

  const broken = await run("doctor");
  expect(broken.code).toBe(4);
  expect(broken.out).toContainEqual(expect.stringMatching(/^✗ git\s+not on PATH$/));
  expect(broken.out).toContainEqual(expect.stringMatching(/fix: install git 2\.38/));
});
