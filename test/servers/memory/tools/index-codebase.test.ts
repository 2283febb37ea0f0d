import { closeSync, ftruncateSync, openSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { callTool, connect, mustCall, type Connection } from "../../../support/connect.ts";
import { gitPlayground } from "../../../support/git-repository.ts";
import { openForTest } from "../open-memory.ts";

const play = gitPlayground();
const repository = play.repository(join(play.app, "shop"), {
  "src/db.ts": "/** Opens the connection pool. */\nexport class Pool {}\nexport const LIMIT = 3;\n",
  "src/api.ts":
    'import { Pool } from "./db.js";\nexport class Api extends Pool {}\nexport function serve() {}\n',
  "src/late.ts": 'import "./new.ts";\n',
  "test/api.test.ts": 'import { serve } from "../src/api.ts";\nserve();\n',
  "tools/report.py": "from lib import money\nimport json\n",
  "tools/lib/__init__.py": "",
  "tools/lib/money.py": "def rounded(x):\n    return round(x, 2)\n",
  "ignored/x.ts": "export const ignored = 1;\n",
  ".gitignore": "ignored/\n",
  "readme.md": "Pool\n",
});
const { server, store } = openForTest(":memory:", Date.now, [play.app]);
let connection: Connection;

beforeAll(async () => {
  connection = await connect(server);
});
afterAll(async () => {
  await connection.close();
  await server.close();
  play.dispose();
});

const index = (root: string, more: object = {}): Promise<Record<string, unknown>> =>
  mustCall(connection.client, "index_codebase", { root, ...more });
const call = (tool: string, args: Record<string, unknown>): Promise<Record<string, unknown>> =>
  mustCall(connection.client, tool, args);

async function affected(changed: string, depth = 3): Promise<readonly string[]> {
  const answer = await call("find_impact", { changed: [changed], depth });
  const Affected = z.array(z.object({ node: z.string(), kind: z.string(), distance: z.int() }));
  return Affected.parse(answer["affected"]).map(({ node, kind, distance }) => `${distance} ${kind} ${node}`);
}

const Hits = z.array(
  z.object({
    id: z.string(),
    kind: z.string(),
    source: z.object({ path: z.string().optional() }).optional(),
    stale: z.boolean().optional(),
  }),
);

async function recalled(query: string, more: object = {}): Promise<z.output<typeof Hits>> {
  return Hits.parse((await call("recall", { query, ...more }))["hits"]);
}

async function edges(start: string, type: string): Promise<readonly string[]> {
  const answer = await call("explore_graph", { mode: "neighbors", start, types: [type] });
  const Edges = z.array(z.object({ from: z.string(), type: z.string(), to: z.string() }));
  return Edges.parse(answer["edges"]).map(({ from, to }) => `${from} ${to}`);
}

describe("a repository, from its first index on", () => {
  test("the first run reads everything that git does not ignore", async () => {
    expect(await index(repository)).toEqual({
      files: 7,
      symbols: 5,
      edges: expect.any(Number),
      changed: 7,
      ms: expect.any(Number),
      status: "completed",
    });
    const events = await store.events({ after: 0, limit: 10, types: ["index.updated"] });
    expect(events.map(({ subject, data }) => [subject, data])).toEqual([
      ["shop", { files: 7, symbols: 5, edges: expect.any(Number), changed: 7, ms: expect.any(Number) }],
    ]);
  });

  test("find_impact tells what depends on a file, a symbol, a package", async () => {
    expect(await affected("src/db.ts")).toEqual(["1 CodeModule src/api.ts", "2 Test test/api.test.ts"]);
    expect(await affected("Pool", 1)).toEqual(
      expect.arrayContaining(["1 CodeModule src/api.ts", "1 Class src/api.ts#Api", "1 CodeModule src/db.ts"]),
    );
    expect(await affected("LIMIT", 1)).toEqual(["1 CodeModule src/db.ts"]);
    expect(await affected("tools/lib/money.py")).toEqual(["1 CodeModule tools/report.py"]);
    expect(await affected("json")).toEqual(["1 CodeModule tools/report.py"]);
  });

  test("the graph holds what tests, extends and defines what", async () => {
    expect(await edges("src/api.ts", "TESTS")).toEqual(["test/api.test.ts src/api.ts"]);
    expect(await edges("src/api.ts#Api", "EXTENDS")).toEqual(["src/api.ts#Api src/db.ts#Pool"]);
    expect(await edges("src/db.ts", "DEFINES")).toEqual([
      "src/db.ts src/db.ts#Pool",
      "src/db.ts src/db.ts#LIMIT",
    ]);
  });

  test("recall finds the file to change, tests after what they test", async () => {
    const paths = async (query: string): Promise<readonly unknown[]> =>
      (await recalled(query, { group_by: "file" })).map(({ source }) => source?.path);
    expect((await paths("where is the connection pool opened?"))[0]).toBe("src/db.ts");
    expect((await paths("serve the api"))[0]).toBe("src/api.ts");
    expect((await paths("the test that serves the api"))[0]).toBe("test/api.test.ts");
    expect((await paths("Pool: TypeError thrown at tools/report.py:2"))[0]).toBe("tools/report.py");
    expect((await paths("pool breaks in lib.money"))[0]).toBe("tools/lib/money.py");
  });

  test("a fact about a file goes stale when the file changes, and holds again when it is said again", async () => {
    const fact = { kind: "fact", text: "the pool has no limit of its own", source: { path: "src/db.ts" } };
    const other = { kind: "fact", text: "the api knows no pool limit", source: { path: "src/api.ts" } };
    await call("remember", { items: [fact, other] });
    const stale = async (): Promise<readonly unknown[]> =>
      (await recalled("pool limit", { kinds: ["fact"] })).map(({ source, stale: is }) => [
        source?.path,
        is ?? false,
      ]);
    expect(new Map((await stale()).map((one) => z.tuple([z.string(), z.boolean()]).parse(one)))).toEqual(
      new Map([
        ["src/db.ts", false],
        ["src/api.ts", false],
      ]),
    );
    play.write(repository, { "src/db.ts": "export class Pool {}\nexport function open() {}\n" });
    expect(await stale()).toContainEqual(["src/db.ts", true]);
    expect(await stale()).toContainEqual(["src/api.ts", false]);
    expect((await recalled("connection pool", { kinds: ["code"] }))[0]?.stale).toBe(true);
    expect(await call("remember", { items: [fact, other] })).toMatchObject({
      items: [{ status: "updated", version: 2 }, { status: "duplicate" }],
    });
    expect(await stale()).toContainEqual(["src/db.ts", false]);
  });

  test("the next run reads what changed, forgets what is gone, and resolves old imports to new files", async () => {
    await call("relate_entities", { relations: [{ from: "Ann", type: "OWNS", to: "tools/lib/money.py" }] });
    play.write(repository, { "src/new.ts": "export const fresh = 1;\n" });
    rmSync(join(repository, "tools/lib"), { recursive: true });
    expect(await index(repository)).toMatchObject({ files: 6, changed: 4 });
    expect(await affected("src/new.ts")).toEqual(["1 CodeModule src/late.ts"]);
    expect(await affected("open", 1)).toEqual(["1 CodeModule src/db.ts"]);
    expect(await call("find_impact", { changed: ["LIMIT"] })).toMatchObject({ unknown: ["LIMIT"] });
    // What others said of a file stays when the file goes.
    expect(await affected("tools/lib/money.py")).toEqual(["1 unknown Ann"]);
    expect(await recalled("rounded", { kinds: ["code"] })).toEqual([]);
    expect((await recalled("connection pool open", { kinds: ["code"] })).some(({ stale }) => stale)).toBe(
      false,
    );
    expect(await index(repository)).toMatchObject({ changed: 0 });
  });

  test("files that change together are related, with how often", async () => {
    for (let round = 1; round <= 3; round += 1) {
      play.write(repository, {
        "src/db.ts": `export class Pool {}\n// ${round}\n`,
        "src/late.ts": `// ${round}\n`,
      });
      play.git(repository, "add", "--all");
      play.git(repository, "commit", "--quiet", "--message=both");
    }
    await index(repository);
    expect(await edges("src/db.ts", "CHANGED_WITH")).toContainEqual("src/db.ts src/late.ts");
    expect(await affected("src/late.ts")).toEqual([]);
  });

  test("include and exclude choose; what is excluded is forgotten", async () => {
    expect(await index(repository, { include: ["src"], exclude: ["**/late.*"] })).toMatchObject({ files: 3 });
    expect(await affected("src/new.ts")).toEqual([]);
  });
});

test("a second tree has names of its own", async () => {
  const other = play.repository(join(play.app, "other"), {
    "src/db.ts": 'import "./x.ts";\n',
    "src/x.ts": "",
  });
  expect(await index(other)).toMatchObject({ files: 2, prefix: "other/" });
  expect(await affected("other/src/x.ts")).toEqual(["1 CodeModule other/src/db.ts"]);
});

describe("hostile trees", () => {
  test("loops of links, huge, binary, minified and unreadable sources are passed over", async () => {
    const root = join(play.app, "hostile");
    play.write(root, {
      "a.ts": 'import "./b.ts";\n',
      "b.ts": "export const b = 1;\n",
      "binary.ts": "\u0000\u0001",
      "min.js": "f();".repeat(2_000),
      "deep.ts": "(\n".repeat(400_000),
      "bad.py": "\ud800def f(:\n  \u202e",
      "__proto__.ts": "export class constructor {}\n",
      "node_modules/x/index.js": "",
      "package.json": "{ nonsense",
    });
    symlinkSync(root, join(root, "loop"));
    symlinkSync("/etc/hostname", join(root, "outside.ts"));
    const huge = openSync(join(root, "huge.ts"), "w");
    ftruncateSync(huge, 1_000_000_000);
    closeSync(huge);
    expect(await index(root)).toMatchObject({
      files: 5,
      skipped: { binary: 1, minified: 1, "too large": 1, "too complex": 1 },
    });
    expect(await affected("hostile/b.ts")).toEqual(["1 CodeModule hostile/a.ts"]);
    expect(await affected("constructor")).toEqual(["1 CodeModule hostile/__proto__.ts"]);
  });

  test.each([
    ["a folder outside the roots", () => play.outside, "denied"],
    ["a folder that is not there", () => join(play.app, "nothing"), "not_found"],
    ["a file", () => join(repository, "readme.md"), "invalid"],
    ["a path that is not absolute", () => "src", "invalid"],
    ["an empty path", () => "", "invalid"],
  ])("%s is refused", async (_, root, code) => {
    const answer = await callTool(connection.client, "index_codebase", { root: root() });
    expect(answer.ok ? "done" : answer.error["code"]).toBe(code);
  });

  test("an empty folder is an empty index", async () => {
    play.write(join(play.app, "empty"), { "readme.md": "" });
    expect(await index(join(play.app, "empty"))).toMatchObject({ files: 0, edges: 0 });
  });
});

test("work that takes longer than wait_ms goes on, and a second call waits for it", async () => {
  const started = await index(repository, { wait_ms: 0 });
  expect(started).toMatchObject({ status: "working", job_id: expect.stringMatching(/^job_/) });
  expect(await index(repository)).toMatchObject({ status: "completed" });
});
