import { afterEach, beforeEach, expect, test } from "vitest";
import { tasksForTest } from "../../../support/tasks.ts";
import { run } from "../call.ts";

const MINUTE = 60_000;
let queue: ReturnType<typeof tasksForTest>;
beforeEach(() => void (queue = tasksForTest()));
afterEach(() => queue.server.close());

const add = (...tasks: readonly Record<string, unknown>[]) => run(queue.server, "add_tasks", { tasks });
const claim = async (agent: string) => {
  const { task, claim: held } = await run<{ task: { title: string } | null; claim?: { token: string } }>(
    queue.server,
    "claim_task",
    { agent, lease_s: 86_400 },
  );
  return { title: task?.title ?? null, token: held?.token ?? "" };
};

// Two agents in turn over parts of a folder: one of them always holds a part of what the whole needs.
async function inTurn(rounds: number): Promise<readonly (string | null)[]> {
  const given: (string | null)[] = [];
  let [one, two] = [await claim("ann"), await claim("bob")];
  for (let round = 0; round < rounds; round += 1) {
    queue.advance(5 * MINUTE);
    await run(queue.server, "complete_task", { token: one.token });
    const next = await claim("ann");
    given.push(next.title);
    if (next.title === null || next.title === "whole") return given;
    [one, two] = [two, next];
  }
  return given;
}

test("a task that waits for all of a folder gets it, though others keep taking parts of it", async () => {
  const parts = Array.from({ length: 40 }, (_, i) => ({ title: `part ${i}`, paths: [`src/${i}/**`] }));
  await add(...parts.slice(0, 2), { title: "whole", paths: ["src/**"] }, ...parts.slice(2));
  // For the length of a lease others may pass it; then nothing that meets it is given out until it is.
  expect(await inTurn(30)).toEqual(["part 2", "part 3", null]);
});

test("what does not meet its paths goes on meanwhile", async () => {
  await add({ title: "part", paths: ["src/a"] }, { title: "whole", paths: ["src/**"] });
  await claim("ann");
  queue.advance(20 * MINUTE);
  await add(
    { title: "inside", paths: ["src/b"] },
    { title: "docs", paths: ["docs/**"] },
    { title: "no paths" },
  );
  expect([(await claim("bob")).title, (await claim("bob")).title, (await claim("bob")).title]).toEqual([
    "docs",
    "no paths",
    null,
  ]);
});
