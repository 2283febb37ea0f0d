import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { COMMANDS, findCommand, suggestCommand } from "../../bin/commands.ts";
import { STORES } from "../../bin/store-verbs.ts";
import { systemClock } from "../../kernel/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { VERSION } from "../../kernel/version.ts";
import { openServer } from "../../orchestrator/gateway.ts";
import { openRunStore } from "../../orchestrator/run/run-store.ts";
import { SERVER_NAMES } from "../../orchestrator/servers.ts";
import { slipwayHere } from "../support/slipway-here.ts";
import { notesOver, openNotes, SOMEBODY, temporaryFolder } from "../support/notes-store.ts";

const ROOT = join(import.meta.dirname, "../..");
const MAIN = join(ROOT, "bin/main.ts");

let folder: ReturnType<typeof temporaryFolder>;
let home: string;
beforeEach(() => {
  folder = temporaryFolder();
  home = folder.in("home");
});
afterEach(() => folder.remove());

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A process of its own. `prelude` is run in it before the program. */
function spawned(args: readonly string[], prelude = ""): Ran {
  const { SLIPWAY_HOME: _home, CLAUDE_PROJECT_DIR: _project, ...env } = process.env;
  const before = prelude === "" ? [] : ["--import", `data:text/javascript,${encodeURIComponent(prelude)}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...before, MAIN, ...args], {
    cwd: folder.path,
    env,
    encoding: "utf8",
    input: "",
  });
  return { code: status, out: stdout, err: stderr };
}

async function slipway(args: readonly string[]): Promise<Ran> {
  const { code, out, err } = await slipwayHere(args, { cwd: folder.path });
  const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");
  return { code, out: text(out), err: text(err) };
}

async function fill(...names: readonly string[]): Promise<string> {
  const path = join(home, "tasks.db");
  const store = notesOver(openNotes(path));
  for (const name of names) await store.write(SOMEBODY, (tx) => tx.add(name));
  store.close();
  return path;
}

test("every server reports the version of the package", () => {
  expect(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"))).toMatchObject({ version: VERSION });
  expect(spawned(["--version"])).toEqual({ code: 0, out: `${VERSION}\n`, err: "" });
});

test("the help names every command, and each command has a help of its own", async () => {
  const { code, out } = await slipway(["--help"]);
  expect(code).toBe(0);
  for (const { usage } of COMMANDS.values()) expect(out).toContain(`  ${usage} `);
  expect(await slipway([])).toEqual({ code: 2, out, err: "" });
  for (const words of [...COMMANDS.keys(), "tasks check", "memory backup", "runs restore"]) {
    const { code, out } = await slipwayHere([...words.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(out[0]).toMatch(new RegExp(`^(usage: )?slipway ${words}`));
  }
  expect(await slipway(["help", "plan", "validate"])).toMatchObject({
    code: 0,
    out: expect.stringContaining("slipway plan validate FILE"),
  });
  expect(existsSync(folder.in(".slipway"))).toBe(false);
});

test.each([
  ["staus", "did you mean slipway status?"],
  ["plan valdate x", "did you mean slipway plan validate?"],
  ["plan", "did you mean slipway plan validate?"],
  ["taks check", "did you mean slipway tasks?"],
  ["tasks chek", "did you mean slipway tasks check?"],
  ["tasks", "slipway tasks takes list, show, add, graph, watch, backup, restore, check"],
  ["tasks lits", "did you mean slipway tasks list?"],
  ["sandbox toString", "slipway sandbox takes image build, selftest, backup, restore, check"],
  ["toString", "see slipway --help"],
])("slipway %s is no command: %s", (line, hint) => {
  expect(findCommand(line.split(" "))).toBeUndefined();
  expect(suggestCommand(line.split(" "))).toBe(hint);
});

test("a process says and returns the same", async () => {
  expect(spawned(["tasks", "chek"])).toEqual(await slipway(["tasks", "chek"]));
  expect(spawned([])).toEqual(await slipway([]));
});

test.each([
  [["tasks", "chek"], 'there is no command "tasks chek" (did you mean slipway tasks check?)'],
  [["--bogus", "status"], "unknown flag --bogus (see slipway --help)"],
  [["status", "--jsn"], "unknown flag --jsn (did you mean --json?)"],
  [["tasks", "check", "more"], 'unexpected argument "more" (see --help)'],
  [["tasks", "check", "--from", "x"], "unknown flag --from (see --help)"],
  [["serve", "task"], 'there is no server "task" (did you mean tasks?)'],
  [["serve"], "which server? (one of memory, tasks, sandbox, git, decision, all)"],
  [["serve", "tasks", "--port", "1"], "--host and --port need --http (add --http)"],
  [
    ["serve", "tasks", "--tools", "claim_task,nope"],
    /^there is no tool "nope" in tasks \(--tools takes core, all, or some of: .*\)$/,
  ],
  [["--home"], "--home needs a value (--home DIR)"],
  [["--home=", "status"], "--home needs a folder (--home DIR)"],
])("slipway %j is refused with exit 2 and one line", async (args, line) => {
  const { code, out, err } = await slipway(args);
  const said = err.replace(/^slipway: (.*)\n$/, "$1");
  if (typeof line === "string") expect(said).toBe(line);
  else expect(said).toMatch(line);
  expect({ code, out }).toEqual({ code: 2, out: "" });
});

test("--home is taken before and after the command, in both spellings; the one after wins", async () => {
  const path = await fill("a");
  const sound = { code: 0, out: "", err: `${path}: sound\n` };
  for (const args of [
    ["--home", home, "tasks", "check"],
    [`--home=${home}`, "tasks", "check"],
    ["--home", "home", "tasks", "check"],
    ["tasks", "check", "--home", home],
    ["--home", folder.in("other"), "tasks", "check", "--home", home],
  ]) {
    expect(await slipway(args)).toEqual(sound);
  }
  writeFileSync(folder.in("plan.yaml"), "tasks:\n  - ref: a\n    title: A\n");
  expect(await slipway(["--home", home, "plan", "validate", "plan.yaml"])).toMatchObject({
    code: 0,
    out: "plan.yaml: 1 tasks, no circle\n",
  });
  expect(await slipway(["--home", home, "status"])).toMatchObject({ code: 0, out: "" });
  expect(readdirSync(home)).toContain("runs.db");
});

test("a store is backed up, found damaged, and restored, each with one clear line", async () => {
  const path = await fill("a", "b");
  const made = await slipway(["--home", home, "tasks", "backup"]);
  expect(made).toMatchObject({ code: 0, err: "" });
  const backup = made.out.trim();
  expect(readdirSync(join(home, "backups"))).toEqual([backup.slice(join(home, "backups/").length)]);
  const connection = new DatabaseSync(path);
  connection.exec("UPDATE event SET principal = 'mallory' WHERE seq = 2");
  connection.close();
  expect(await slipway(["tasks", "check", "--home", home])).toEqual({
    code: 1,
    out: "event 2: the row was changed\n",
    err: `${path}: 1 problem; \`slipway tasks restore\` brings back the newest backup\n`,
  });
  const restored = await slipway(["tasks", "restore", "--home", home]);
  expect(restored).toMatchObject({ code: 0, out: `${backup}\n` });
  expect(restored.err).toMatch(
    /^\S+tasks\.db is now what \S+ was; the file before is kept as \S+\.replaced-\d+\n$/,
  );
  expect((await slipway(["tasks", "check", "--home", home])).code).toBe(0);
  // By name, relative to where the command is typed.
  writeFileSync(path, "rubbish");
  expect(
    (
      await slipway([
        "tasks",
        "restore",
        "--home",
        home,
        "--from",
        `home/backups/${backup.slice(join(home, "backups/").length)}`,
      ])
    ).code,
  ).toBe(0);
  expect((await slipway(["tasks", "check", "--home", home])).code).toBe(0);
  // Never as another store, and never from nothing.
  for (const args of [
    ["memory", "restore", "--from", backup],
    ["memory", "restore"],
    ["memory", "check"],
    ["memory", "backup"],
  ]) {
    const refused = await slipway([...args, "--home", home]);
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toMatch(/^slipway: [^\n]+\n$/);
  }
  expect(readdirSync(home).filter((name) => name.startsWith("memory"))).toEqual([]);
  writeFileSync(path, "rubbish".repeat(1_000));
  expect(await slipway(["tasks", "backup", "--home", home])).toMatchObject({
    code: 4,
    out: "",
    err: expect.stringMatching(/^slipway: \S+ is damaged \([^\n]+\)\n$/),
  });
}, 60_000);

test("the number of each store on the command line is the one that its server writes", async () => {
  const sources = { home, env: {}, cwd: folder.path, log: silentLog };
  for (const name of SERVER_NAMES) await (await openServer(name, sources)).close();
  openRunStore(join(home, "runs.db"), systemClock).close();
  const found = [...STORES.keys()].map((store) => {
    const connection = new DatabaseSync(join(home, `${store}.db`), { readOnly: true });
    const id = connection.prepare("PRAGMA application_id").get()?.["application_id"];
    connection.close();
    return [store, id];
  });
  expect(found).toEqual([...STORES]);
});

test("what a server or status cannot open is refused with exit 4 and one line, and stays as it was", async () => {
  mkdirSync(home);
  const rubbish = "x".repeat(10_000);
  for (const [command, file] of [
    [["serve", "tasks"], "tasks.db"],
    [["serve", "all"], "decision.db"],
    [["status"], "runs.db"],
  ] as const) {
    const path = join(home, file);
    writeFileSync(path, rubbish);
    const damaged = await slipway([...command, "--home", home]);
    expect(damaged).toMatchObject({
      code: 4,
      out: "",
      err: expect.stringMatching(/^slipway: \S+ is damaged \([^\n]*restore[^\n]*\)\n$/),
    });
    expect(readFileSync(path, "utf8")).toBe(rubbish);
    execFileSync("rm", [path]);
    const connection = new DatabaseSync(path);
    const id = STORES.get(file.replace(".db", ""));
    connection.exec(`CREATE TABLE later (x); PRAGMA application_id=${id ?? 0}; PRAGMA user_version=99;`);
    connection.close();
    const before = readFileSync(path);
    const newer = await slipway([...command, "--home", home]);
    expect(newer).toMatchObject({
      code: 4,
      out: "",
      err: expect.stringMatching(/^slipway: \S+ was written by a newer Slipway [^\n]+\n$/),
    });
    expect(readFileSync(path)).toEqual(before);
    execFileSync("rm", [path]);
  }
}, 60_000);

test("a state folder that cannot be written is refused with exit 4 and one line", () => {
  mkdirSync(home);
  chmodSync(home, 0o555);
  chmodSync(folder.path, 0o755);
  // Rights mean nothing to the superuser, so it goes on as nobody once the program is loaded.
  const asNobody = "if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }";
  for (const command of [["serve", "tasks"], ["serve", "all"], ["status"]]) {
    const ran = spawned([...command, "--home", home], asNobody);
    expect(ran).toMatchObject({
      code: 4,
      out: "",
      err: expect.stringMatching(/^slipway: the state folder \S+ cannot be written \([^\n]+\)\n$/),
    });
  }
  expect(readdirSync(home)).toEqual([]);
  chmodSync(home, 0o755);
}, 60_000);

test("a word that begins commands has help of its own", async () => {
  for (const word of ["memory", "tasks", "git", "sandbox", "decision", "audit"]) {
    const { code, out } = await slipway([word, "--help"]);
    expect({ word, code }).toEqual({ word, code: 0 });
    expect(out).toContain(`slipway ${word} `);
  }
  expect((await slipway(["tasks", "--help"])).out).toContain("backup|restore|check");
  expect((await slipway(["none", "--help"])).code).toBe(2);
});
