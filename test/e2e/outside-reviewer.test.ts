import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startStdioServer } from "../../bench/stdio-server.ts";
import { temporaryFolder } from "../support/all-servers.ts";
import { mustCall } from "../support/connect.ts";
import { startNode } from "../support/line-process.ts";

const REVIEWER = fileURLToPath(new URL("../support/reviewer-process.ts", import.meta.url));
/** Waits of a second each before the test gives up. */
const PATIENCE = 90;

interface Seen {
  readonly type: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
}

test("a program that only follows events and claims takes part, with nobody to dispatch", async () => {
  const home = temporaryFolder("outside-reviewer");
  const reviewer = startNode([REVIEWER, home.path]);
  const worker = await startStdioServer("tasks", home.path);
  const call = (name: string, args: Record<string, unknown>) => mustCall(worker.client, name, args);
  const seen: Seen[] = [];
  let after = 0;
  const wait = async (type: string, subject: string): Promise<void> => {
    for (let i = 0; i < PATIENCE; i += 1) {
      if (seen.some((event) => event.type === type && event.subject === subject)) return;
      const page = await call("read_events", { after, wait_ms: 1_000, max_tokens: 20_000 });
      seen.push(...(Array.isArray(page["events"]) ? page["events"] : []));
      after = Number(page["next_cursor"]);
    }
    throw new Error(`${type} of ${subject} never came; the reviewer says: ${reviewer.stderr()}`);
  };
  const work = async (output: unknown): Promise<void> => {
    const { claim } = await call("claim_task", { agent: "will", capabilities: ["code"] });
    await call("complete_task", { token: Object(claim).token, output });
  };
  try {
    expect(await reviewer.hear()).toBe("follows");
    const { tasks } = await call("add_tasks", {
      tasks: [
        { ref: "write", title: "Write", capabilities: ["code"], acceptance: [{ review: "it reads well" }] },
        { ref: "tests", title: "Run the tests", capabilities: ["code"], depends_on: ["write"] },
        { title: "Judge the tests", capabilities: ["review"], depends_on: ["tests"] },
      ],
    });
    const [write, tests, judge] = (Array.isArray(tasks) ? tasks : []).map(({ id }) => String(id));
    if (write === undefined || tests === undefined || judge === undefined) throw new Error("no tasks");
    await work({ parser: "written" });
    await wait("task.ready", tests);
    await work({ passed: 12 });
    await wait("task.completed", judge);
    expect(await reviewer.hear()).toBe(`reviewed ${write}: succeeded`);
    expect(await reviewer.hear()).toBe(`did ${judge}`);
    const { task } = await call("get_task", { id: judge });
    expect(task).toMatchObject({
      status: "succeeded",
      worker: "rita",
      output: { read: [{ id: tests, output: { passed: 12 } }] },
    });
    const story = seen.map(({ type, subject, data }) => [type, subject, data["agent"] ?? data["by"]]);
    const deeds = story.filter(([type]) => type !== "task.added" && type !== "task.ready");
    expect(deeds).toEqual([
      ["task.claimed", write, "will"],
      ["task.completed", write, "will"],
      ["task.reviewed", write, "rita"],
      ["task.claimed", tests, "will"],
      ["task.completed", tests, "will"],
      ["task.claimed", judge, "rita"],
      ["task.completed", judge, "rita"],
    ]);
  } finally {
    reviewer.endInput();
    await reviewer.ended;
    await worker.close();
    home.dispose();
  }
}, 240_000);
