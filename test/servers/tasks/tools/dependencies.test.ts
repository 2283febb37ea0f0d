import { afterEach, beforeEach, expect, test } from "vitest";
import { tasksForTest } from "../../../support/tasks.ts";
import { codeOf, run } from "../call.ts";

let queue: ReturnType<typeof tasksForTest>;
beforeEach(() => void (queue = tasksForTest()));
afterEach(() => queue.server.close());

const add = async (...tasks: readonly Record<string, unknown>[]): Promise<string[]> =>
  (await run<{ tasks: { id: string }[] }>(queue.server, "add_tasks", { tasks })).tasks.map(({ id }) => id);
const update = (id: string | undefined, changes: Record<string, unknown>) =>
  run<{ task: Record<string, unknown> }>(queue.server, "update_task", { id, changes });

test("a dependency that is added blocks, and one that is taken away frees", async () => {
  const [a = "", b = ""] = await add({ title: "a" }, { title: "b" });
  expect((await update(b, { add_dependencies: [a] })).task).toMatchObject({
    status: "blocked",
    open_dependencies: 1,
  });
  // Named again it stays one.
  expect((await update(b, { add_dependencies: [{ task: a, on: "finish" }, a] })).task).toMatchObject({
    open_dependencies: 1,
  });
  expect((await update(b, { remove_dependencies: [a] })).task).toMatchObject({ status: "ready" });
  const { events } = await run<{ events: { type: string; subject: string }[] }>(queue.server, "read_events", {
    types: ["task.ready"],
  });
  expect(events.map(({ subject }) => subject)).toEqual([a, b, b]);
});

test("what cannot be is refused in a line, and changes nothing", async () => {
  const chain = await add(
    ...Array.from({ length: 400 }, (_, i) => ({
      ref: `r${i}`,
      title: `t${i}`,
      depends_on: i === 0 ? [] : [`r${i - 1}`],
    })),
  );
  const [first = "", second = ""] = chain;
  const last = chain.at(-1) ?? "";
  await expect(update(first, { add_dependencies: [last] })).rejects.toThrow(/in a circle: .* -> … 381 more$/);
  await expect(update(first, { add_dependencies: [second] })).rejects.toThrow(
    `circle: ${first} -> ${second} -> ${first}`,
  );
  await expect(update(first, { add_dependencies: [first] })).rejects.toThrow("circle");
  await expect(update(first, { add_dependencies: ["tsk_none"] })).rejects.toThrow("no task tsk_none");
  await expect(update(first, { remove_dependencies: [last] })).rejects.toThrow("does not depend on");
  expect(await run(queue.server, "get_task", { id: first, include: ["dependencies"] })).toMatchObject({
    task: { status: "ready", version: 1, dependencies: [] },
  });
  await run(queue.server, "update_task", { id: last, changes: { status: "cancelled" } });
  expect(
    await codeOf(queue.server, "update_task", { id: last, changes: { add_dependencies: [first] } }),
  ).toBe("invalid_state");
});
