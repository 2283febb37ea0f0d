import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import type { Command } from "../../../../kernel/io.ts";
import { memoryExportCommand } from "../../../../servers/memory/cli/export.ts";
import { memoryImportCommand } from "../../../../servers/memory/cli/import.ts";
import { callTool, connect, mustCall } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

const folder = mkdtempSync(join(tmpdir(), "slipway-transfer-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(
  command: Command,
  ...argv: readonly string[]
): Promise<{ code: number; out: string[]; err: string[] }> {
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    env: {},
    cwd: folder,
    terminal: undefined,
    signal: new AbortController().signal,
  };
  return { code: await command(argv, io), out, err };
}

const REFERENCE = [
  '{"type":"entity","name":"queue","entityType":"service","observations":["retries with growing pauses","written by Ann"]}',
  '{"type":"entity","name":"Ann","entityType":"Person","observations":[]}',
  "this line was torn",
  '{"type":"relation","from":"Ann","to":"queue","relationType":"wrote"}',
  '{"type":"relation","from":"queue","to":"__proto__","relationType":"uses"}',
  '{"type":"entity","name":"bad"}',
  "",
];

test("the reference server's file comes in: graph, facts that recall finds, bad lines told, twice the same", async () => {
  writeFileSync(join(folder, "memory.jsonl"), REFERENCE.join("\n"));
  const first = await run(memoryImportCommand, "memory.jsonl", "--home", folder);
  expect(first).toEqual({
    code: 1,
    out: ["line 3: no JSON", "line 6: no entity, relation or memory"],
    err: ["1 memories, 2 entities, 2 relations taken in; 0 joined, 0 known already"],
  });
  const second = await run(memoryImportCommand, "memory.jsonl", "--home", folder);
  expect(second.err).toEqual(["0 memories, 0 entities, 0 relations taken in; 0 joined, 5 known already"]);
  const { server } = openForTest(join(folder, "memory.db"));
  const { client, close } = await connect(server);
  try {
    const { hits } = await mustCall(client, "recall", { query: "how long are the pauses of the queue?" });
    expect(hits).toMatchObject([{ title: "queue", kind: "fact" }]);
    expect(await mustCall(client, "find_impact", { changed: ["queue"] })).toMatchObject({
      affected: [{ node: "Ann", kind: "Person", distance: 1 }],
    });
  } finally {
    await close();
    await server.close();
  }
});

test("an export taken in elsewhere is the same export again, and is Markdown for people", async () => {
  const { server } = openForTest(join(folder, "memory.db"));
  const { client, close } = await connect(server);
  const item = {
    kind: "decision",
    text: "We use SQLite.\n```x```",
    title: "Store",
    tags: ["db"],
    metadata: { a: 1 },
  };
  await mustCall(client, "remember", {
    items: [{ ...item, thread: { id: "t", seq: 2 }, source: { uri: "git:abc" } }],
  });
  await close();
  await server.close();
  const { out } = await run(memoryExportCommand, "--home", folder);
  expect(out.map((line) => z.object({ type: z.string() }).parse(JSON.parse(line)).type)).toEqual([
    "memory",
    "memory",
    "entity",
    "entity",
    "entity",
    "relation",
    "relation",
  ]);
  writeFileSync(join(folder, "export.jsonl"), out.join("\n"));
  const other = join(folder, "other");
  expect((await run(memoryImportCommand, "export.jsonl", "--home", other)).code).toBe(0);
  const again = await run(memoryExportCommand, "--home", other);
  const withoutTime = (lines: readonly string[]): readonly string[] =>
    lines.map((line) => line.replace(/,"valid_from":"[^"]*"/, ""));
  expect(withoutTime(again.out)).toEqual(withoutTime(out));
  const markdown = (await run(memoryExportCommand, "--home", folder, "--format", "markdown")).out.join("\n");
  expect(markdown).toContain("## Store\n\n- decision, mem_");
  expect(markdown).toContain("## queue (service)\n\n- retries with growing pauses\n- written by Ann");
  expect(markdown).toContain("- Ann wrote queue");
});

test("two stores that take in each other's exports come to the same, and forget nothing that either added", async () => {
  const homes = [join(folder, "one"), join(folder, "two")] as const;
  const exported = async (home: string): Promise<string> => {
    const file = `${home}.jsonl`;
    writeFileSync(file, (await run(memoryExportCommand, "--home", home)).out.join("\n"));
    return file;
  };
  const change = async (home: string, changes: object): Promise<void> => {
    const { server } = openForTest(join(home, "memory.db"));
    const { client, close } = await connect(server);
    await mustCall(client, "update_memory", { id, changes });
    await close();
    await server.close();
  };
  await run(memoryImportCommand, "memory.jsonl", "--home", homes[0]);
  const { server } = openForTest(join(homes[0], "memory.db"));
  const { client, close } = await connect(server);
  const thread = { id: "t", session: "monday", seq: 1, author: "ann" };
  const { items } = await mustCall(client, "remember", {
    items: [{ text: "Deploys go out on Tuesday.", kind: "pattern", tags: ["deploy"], thread }],
  });
  const [{ id }] = z.tuple([z.object({ id: z.string() })]).parse(items);
  await mustCall(client, "rate_memory", { id, outcome: "success", weight: 10 });
  await close();
  await server.close();
  await run(memoryImportCommand, await exported(homes[0]), "--home", homes[1]);
  await change(homes[0], { tags: ["deploy", "one"], metadata: { from: 1 } });
  await change(homes[1], { tags: ["deploy", "two"], text: "Deploys go out on Thursday." });
  const files = [await exported(homes[0]), await exported(homes[1])] as const;
  await run(memoryImportCommand, files[1], "--home", homes[0], "--merge", "union");
  const { err } = await run(memoryImportCommand, files[0], "--home", homes[1], "--merge", "union");
  expect(err.at(-1)).toContain(" 1 joined, ");
  const [one, two] = [await exported(homes[0]), await exported(homes[1])].map((file) =>
    readFileSync(file, "utf8")
      .split("\n")
      .find((line) => line.includes(id)),
  );
  expect(one).toEqual(two);
  expect(JSON.parse(one ?? "")).toMatchObject({
    text: "Deploys go out on Thursday.",
    tags: ["deploy", "one", "two"],
    metadata: { from: 1 },
    thread,
  });
  // Trust is earned where it is used: ratings did not come along.
  const other = openForTest(join(homes[1], "memory.db"));
  expect(await other.store.read((tx) => tx.ratingsOf(id))).toMatchObject({ success: 0, count: 0 });
  await other.server.close();
});

test.each([
  ["import without a file", memoryImportCommand, [], "invalid"],
  ["import of a file that is not there", memoryImportCommand, ["nothing.jsonl"], "not_found"],
  [
    "export of a store that is not there",
    memoryExportCommand,
    ["--home", join(folder, "nowhere")],
    "not_found",
  ],
  ["an unknown merge", memoryImportCommand, ["memory.jsonl", "--merge", "theirs"], "invalid"],
  ["an unknown format", memoryExportCommand, ["--format", "xml", "--home", folder], "invalid"],
  ["an unknown flag", memoryExportCommand, ["--all"], "invalid"],
])("%s is refused", async (_, command, argv, code) => {
  await expect(run(command, ...argv)).rejects.toMatchObject({ code });
});

test("help tells what they do", async () => {
  for (const command of [memoryImportCommand, memoryExportCommand])
    expect((await run(command, "--help")).out[0]).toMatch(/^slipway memory (?:import|export)/);
});

test("code that was indexed is left out of an export", async () => {
  const home = mkdtempSync(join(folder, "code-"));
  writeFileSync(join(home, "a.ts"), "export const a = 1;\n");
  const { server } = openForTest(join(home, "memory.db"), Date.now, [home]);
  const { client, close } = await connect(server);
  expect((await callTool(client, "index_codebase", { root: home })).ok).toBe(true);
  await close();
  await server.close();
  expect((await run(memoryExportCommand, "--home", home)).out).toEqual([]);
});
