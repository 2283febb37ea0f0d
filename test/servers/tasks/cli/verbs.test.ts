import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DomainError } from "../../../../kernel/errors.ts";
import { EXIT, type Command, type Io } from "../../../../kernel/io.ts";
import { addCommand } from "../../../../servers/tasks/cli/add.ts";
import { graphCommand } from "../../../../servers/tasks/cli/graph.ts";
import { listCommand } from "../../../../servers/tasks/cli/list.ts";
import { showCommand } from "../../../../servers/tasks/cli/show.ts";
import { watchCommand } from "../../../../servers/tasks/cli/watch.ts";
import { fitColumns, pictureLines } from "../../../../servers/tasks/cli/watch-live.ts";
import { openServed, temporaryFolder } from "../../../support/all-servers.ts";
import { run } from "../call.ts";

const folder = temporaryFolder("tasks-cli");
const home = join(folder.path, "home");
afterAll(() => folder.dispose());

interface Said {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** Runs a verb in this process; `hear` sees each line of stdout. */
async function say(
  command: Command,
  argv: readonly string[],
  more: Partial<Io> = {},
  hear: (line: string) => void = () => undefined,
): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await command(["--home", home, ...argv], {
    out(line) {
      out.push(line);
      hear(line);
    },
    err: (line) => void err.push(line),
    env: {},
    cwd: folder.path,
    terminal: undefined,
    signal: new AbortController().signal,
    ...more,
  });
  return { code, out, err };
}

async function refusal(command: Command, argv: readonly string[]): Promise<string> {
  try {
    await say(command, argv);
    return "not refused";
  } catch (error) {
    if (error instanceof DomainError) return `${error.code}: ${error.message} (${error.hint})`;
    throw error;
  }
}

/** The lines with every id by the ref of its task, so that they can be read. */
function named(lines: readonly string[]): readonly string[] {
  return lines.map((line) =>
    line
      .split("\n")
      .map((part) =>
        ids.reduce((text, [ref, id]) => text.replaceAll(id, `<${ref}>`.padEnd(id.length)), part).trimEnd(),
      )
      .join("\n"),
  );
}
const ids: [string, string][] = [];
const idOf = (ref: string): string => ids.find(([name]) => name === ref)?.[1] ?? "";

beforeAll(async () => {
  for (const command of [listCommand, showCommand, graphCommand, watchCommand]) {
    expect(await refusal(command, command === showCommand ? ["tsk_1"] : [])).toMatch(
      /^not_found: there is no queue .*tasks\.db \(name the state folder .* slipway tasks add "<title>"\)$/,
    );
  }
  expect(existsSync(home)).toBe(false);
  writeFileSync(
    join(folder.path, "plan.yaml"),
    [
      "tasks:",
      '  - {ref: a, title: "Set up \\e[31mred", priority: 9}',
      '  - {ref: b, title: Lex, depends_on: [a], description: "First line\\nsecond\\e]0;x\\a line"}',
      "  - {ref: c, title: Parse, depends_on: [a, b]}",
      "  - {ref: d, title: Docs, depends_on: [{task: b, on: finish}], paths: [docs/**], acceptance: [{run: npm test}]}",
    ].join("\n"),
  );
  const { code, out } = await say(addCommand, ["--file", "plan.yaml", "--json"]);
  expect(code).toBe(EXIT.done);
  const added = out.map((line): { ref: string; id: string; status: string } => JSON.parse(line));
  for (const { ref, id } of added) ids.push([ref, id]);
  expect(added.map(({ ref, status }) => [ref, status])).toEqual([
    ["a", "ready"],
    ["b", "blocked"],
    ["c", "blocked"],
    ["d", "blocked"],
  ]);
});

describe("add", () => {
  test("takes one task from flags, and says what became of it", async () => {
    const said = await say(addCommand, [
      ...["One more", "--priority", "2", "--depends-on", idOf("c"), "--depends-on", idOf("d")],
      ...["--run", "npm test", "--tests", "npm run e2e", "--path", "src/**", "--capability", "gpu"],
      ...["--assignee", "ann", "--milestone", "m1", "--type", "bug", "--not-before", "2100-01-01T00:00:00Z"],
    ]);
    const id = said.out[0]?.split("  ")[0] ?? "";
    ids.push(["e", id]);
    expect(named(said.out)).toEqual(["<e>                   blocked         One more"]);
    const [line = ""] = (await say(listCommand, ["--text", "one MORE", "--json"])).out;
    expect(JSON.parse(line)).toMatchObject({
      id,
      priority: 2,
      open_dependencies: 2,
      acceptance: [{ run: "npm test" }, { tests: "npm run e2e" }],
      paths: ["src/**"],
      capabilities: ["gpu"],
      assignee: "ann",
      milestone: "m1",
      type: "bug",
      not_before: "2100-01-01T00:00:00.000Z",
    });
  });

  test.each([
    [[], 'invalid: what is to be done? (slipway tasks add "<title>")'],
    [["x", "--priority", "11"], 'invalid: --priority takes a number from 1 to 10, not "11" (see --help)'],
    [["x", "--depends-on", "tsk_no"], /^not_found: there is no task tsk_no/],
    [["x", "--not-before", "soon"], /^invalid: wrong at tasks\.0\.not_before: /],
    [["x", "--file", "plan.yaml"], "invalid: --file does not go with a title (put it into the file)"],
    [["--file", "plan.yaml", "--run", "x"], "invalid: --file does not go with --run (put it into the file)"],
    [
      ["--file", "none.yaml"],
      "invalid: the file none.yaml cannot be read (check the path given with --file)",
    ],
    [["--file", "bad.yaml"], /^invalid: bad\.yaml is not YAML \(line 1\) /],
    [["--file", "wrong.yaml"], /^invalid: wrong at tasks\.0: .*bogus/],
  ])("%j is refused, and nothing is added", async (argv, words) => {
    writeFileSync(join(folder.path, "bad.yaml"), "tasks: [}\n");
    writeFileSync(join(folder.path, "wrong.yaml"), "- {title: x, bogus: 1}\n");
    const before = await say(listCommand, ["--all"]);
    const said = await refusal(addCommand, argv);
    if (typeof words === "string") expect(said).toBe(words);
    else expect(said).toMatch(words);
    expect(await say(listCommand, ["--all"])).toEqual(before);
  });
});

describe("list", () => {
  test("shows a row for each open task, without what a terminal would obey", async () => {
    const { code, out, err } = await say(listCommand, ["--status", "ready", "--status", "blocked"]);
    expect(code).toBe(EXIT.done);
    expect(named(out)).toEqual([
      "<a>                   ready             9                              Set up red",
      "<b>                   blocked           5  1 open                      Lex",
      "<c>                   blocked           5  2 open                      Parse",
      "<d>                   blocked           5  1 open                      Docs",
      "<e>                   blocked           2  2 open                      One more",
    ]);
    expect(err).toEqual([
      "id                    status          pri  standing                    title",
      "1 ready, 4 blocked",
    ]);
  });

  test("says when there is more, and refuses a state that is none", async () => {
    expect(await say(listCommand, ["--limit", "1"])).toMatchObject({
      out: [expect.stringContaining("Set up red")],
      err: expect.arrayContaining(["there are more: --limit N shows more than 1"]),
    });
    expect(await refusal(listCommand, ["--status", "readi"])).toBe(
      'invalid: there is no state "readi" (did you mean ready?)',
    );
  });
});

describe("graph", () => {
  test("draws the work that is left level by level", async () => {
    expect(named((await say(graphCommand, [])).out)).toEqual([
      "level 0: 1 task\n  1  <a>                   ready           Set up red",
      "level 1: 1 task\n  2  <b>                   blocked         Lex  <- 1",
      "level 2: 2 tasks\n  3  <c>                   blocked         Parse  <- 1 2",
      "  4  <d>                   blocked         Docs  <- 2",
      "level 3: 1 task\n  5  <e>                   blocked         One more  <- 3 4",
    ]);
    const rows = (await say(graphCommand, ["--json"])).out.map((line): unknown => JSON.parse(line));
    expect(rows[2]).toEqual({
      id: idOf("c"),
      status: "blocked",
      title: "Parse",
      level: 2,
      depends_on: expect.arrayContaining([idOf("a"), idOf("b")]),
    });
    expect((await say(graphCommand, ["--limit", "2"])).err[0]).toBe(
      "there is more: --limit N shows more than 2",
    );
  });

  test("draws what one task waits for and blocks, each only once in full", async () => {
    expect(named((await say(graphCommand, [idOf("e")])).out)).toEqual([
      "<e>                   blocked         One more",
      "waits for",
      "├─ <d>                   blocked         Docs",
      "│  └─ <b>                   blocked         Lex",
      "│     └─ <a>                   ready           Set up red",
      "└─ <c>                   blocked         Parse",
      "   ├─ <b>                   blocked         Lex  (above)",
      "   └─ <a>                   ready           Set up red  (above)",
      "blocks nothing",
    ]);
    const rows = (await say(graphCommand, [idOf("d"), "--json"])).out.map((line): unknown =>
      JSON.parse(line),
    );
    expect(rows).toContainEqual(
      expect.objectContaining({ id: idOf("e"), side: "blocks", of: idOf("d"), depth: 1 }),
    );
    expect(await refusal(graphCommand, ["tsk_no"])).toBe(
      "not_found: there is no task tsk_no (slipway tasks list --all shows the ids)",
    );
  });
});

describe("show", () => {
  test("tells why a task waits, what it waits for, what it blocks and what happened", async () => {
    const { out } = await say(showCommand, [idOf("b")]);
    const [seen = ""] = out.at(-1)?.match(/\d{4}-\S+Z/) ?? [];
    expect(named(out)).toEqual([
      "<b>                   blocked  priority 5  attempt 0 of 4",
      "Lex",
      "",
      "First line",
      "second line",
      "",
      "why          1 of its dependencies are open",
      "waits for    <a>                   ready           Set up red",
      "blocks       <d>                   blocked         Docs  (any end)",
      "             <c>                   blocked         Parse",
      `history      ${seen}  task.added      ref b, status blocked`,
    ]);
    const [line = ""] = (await say(showCommand, [idOf("d"), "--json"])).out;
    expect(JSON.parse(line)).toMatchObject({
      id: idOf("d"),
      dependencies: [{ id: idOf("b"), on: "finish" }],
      dependents: [{ id: idOf("e") }],
      events: [{ type: "task.added" }],
      why: ["1 of its dependencies are open"],
    });
    expect(await refusal(showCommand, [])).toBe("invalid: which task? (slipway tasks list shows the ids)");
  });
});

describe("watch", () => {
  test("tells every event as it comes until it is interrupted, plain or as JSON that can be resumed", async () => {
    const stop = new AbortController();
    const server = await openServed("tasks", home);
    const seen: Promise<unknown>[] = [];
    const plain = await say(watchCommand, ["--after", "0"], { signal: stop.signal }, (line) => {
      // What happens while it watches is seen, too.
      if (line.includes("task.added") && line.includes("One more"))
        seen.push(run(server, "claim_task", { agent: "ann" }));
      if (line.includes("task.claimed")) stop.abort();
    });
    await Promise.all(seen);
    expect(plain.code).toBe(EXIT.interrupted);
    expect(plain.out.at(-1)).toMatch(
      /^\d\d:\d\d:\d\d {2}task\.claimed {6}tsk_\S+ {2}agent ann, attempt 1 {2}Set up red$/,
    );
    const again = new AbortController();
    const json = await say(watchCommand, ["--after", "5", "--json"], { signal: again.signal }, () =>
      again.abort(),
    );
    expect(json.out.map((line): unknown => JSON.parse(line))[0]).toMatchObject({
      seq: 6,
      type: expect.any(String),
    });
    expect(json.err).toEqual([]);

    const live = new AbortController();
    const drawn: string[] = [];
    const write = (text: string): void => {
      drawn.push(text);
      if (drawn.length === 2) live.abort();
    };
    const picture = await say(watchCommand, [], {
      signal: live.signal,
      terminal: { write, columns: 60, rows: 12 },
    });
    await server.close();
    expect(picture).toEqual({ code: EXIT.interrupted, out: [], err: [] });
    expect(drawn.join("")).toContain("1 running, 4 blocked");
    // Drawn in the same place, and left there at the end.
    expect(drawn[1]).toMatch(/^\u001b\[\d+A\r\u001b\[J/);
    expect(drawn.at(-1)).toBe("\n");
  });

  test("a picture fits its terminal, however much there is to show", () => {
    const task = { id: "tsk_1", claim: null, progress: 0, title: "t", priority: 5 };
    const many = Array.from({ length: 100 }, () => task);
    const look = { counts: { running: 100, ready: 100 }, running: many, ready: many };
    const news = Array.from({ length: 100 }, (_, i) => `event ${i}`);
    for (const rows of [12, 24, 80]) {
      const lines = pictureLines(look, news, 0, rows);
      expect(lines.length).toBeLessThan(rows);
      expect(lines).toContain("  event 99");
      expect(lines.some((line) => line.startsWith("running ("))).toBe(true);
    }
    expect(fitColumns("  a 修复 b", 6)).toBe("  a 修");
    expect(pictureLines({ counts: {}, running: [], ready: [] }, [], 0, 24)).toEqual(["the queue is empty"]);
  });
});
