import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DomainError } from "../../../kernel/errors.ts";
import { findCycle } from "../../../kernel/graph.ts";
import { parsePlan } from "../../../orchestrator/plan/plan.ts";

describe("a plan that cannot be worked off is refused with its place", () => {
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ["no tasks", { tasks: [] }, /tasks.*at least one/],
    ["not an object", "do it", /its top/],
    ["an unknown key", { tasks: [{ ref: "a", title: "a", colour: "red" }] }, /tasks\.0.*colour/],
    ["an unknown key at the top", { goals: "x", tasks: [{ ref: "a", title: "a" }] }, /goals/],
    ["a ref that no branch can be named after", { tasks: [{ ref: "a b", title: "a" }] }, /tasks\.0\.ref/],
    ["a ref with two dots in a row", { tasks: [{ ref: "a..b", title: "a" }] }, /tasks\.0\.ref/],
    ["a ref that ends like a lock", { tasks: [{ ref: "a.lock", title: "a" }] }, /tasks\.0\.ref/],
    [
      "a ref twice",
      {
        tasks: [
          { ref: "a", title: "a" },
          { ref: "a", title: "b" },
        ],
      },
      /"a" twice/,
    ],
    ["an unknown reference", { tasks: [{ ref: "a", title: "a", depends_on: ["z"] }] }, /"a" depends on "z"/],
    [
      "a requirement twice",
      {
        requirements: [
          { id: "R1", text: "a" },
          { id: "R1", text: "b" },
        ],
        tasks: [{ ref: "a", title: "a" }],
      },
      /"R1" twice/,
    ],
    [
      "a requirement that it does not state",
      { requirements: [{ id: "R1", text: "a" }], tasks: [{ ref: "a", title: "a", requirements: ["R2"] }] },
      /"a" serves "R2"/,
    ],
    ["a circle of one", { tasks: [{ ref: "a", title: "a", depends_on: ["a"] }] }, /a -> a/],
    [
      "acceptance that is neither",
      { tasks: [{ ref: "a", title: "a", acceptance: [{ check: "x" }] }] },
      /acceptance/,
    ],
    ["a priority out of range", { tasks: [{ ref: "a", title: "a", priority: 11 }] }, /priority/],
  ];
  for (const [what, plan, message] of wrong) {
    test(what, () => {
      expect(() => parsePlan(plan)).toThrow(DomainError);
      expect(() => parsePlan(plan)).toThrow(message);
    });
  }
});

test("defaults go into every task that does not say otherwise", () => {
  const plan = parsePlan({
    defaults: { priority: 8, max_attempts: 1 },
    tasks: [
      { ref: "a", title: "a" },
      { ref: "b", title: "b", priority: 2 },
    ],
  });
  expect(plan.tasks.map(({ priority, max_attempts }) => [priority, max_attempts])).toEqual([
    [8, 1],
    [2, 1],
  ]);
});

test("a plan survives being kept as JSON", () => {
  const plan = parsePlan({
    goal: "g",
    setup: "npm ci",
    tasks: [
      {
        ref: "a",
        title: "a",
        acceptance: [
          { tests: "npm test", must_fail_before: true, protect: ["test/**"] },
          { run: "npm run lint" },
        ],
      },
    ],
  });
  expect(parsePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
});

test("a circle is found exactly where an independent search finds one, and is one", () => {
  const graphs = fc.dictionary(
    fc.constantFrom(..."abcdefg"),
    fc.array(fc.constantFrom(..."abcdefgxyz"), { maxLength: 4 }),
    { maxKeys: 7 },
  );
  fc.assert(
    fc.property(graphs, (edges) => {
      const graph = new Map(Object.entries(edges));
      const cycle = findCycle(graph);
      expect(cycle !== null).toBe(hasCircle(graph));
      cycle?.slice(1).forEach((name, at) => expect(graph.get(cycle[at] ?? "")).toContain(name));
    }),
  );
});

/** Takes away whatever depends on nothing that is left; what cannot be taken away goes in a circle. */
function hasCircle(graph: ReadonlyMap<string, readonly string[]>): boolean {
  const left = new Map(graph);
  for (let before = -1; before !== left.size;) {
    before = left.size;
    for (const [name, on] of left) if (!on.some((other) => left.has(other))) left.delete(name);
  }
  return left.size > 0;
}

test("a chain of ten thousand does not exhaust the stack", () => {
  const chain = new Map(
    Array.from({ length: 10_000 }, (_, i): [string, string[]] => [String(i), [String(i + 1)]]),
  );
  expect(findCycle(chain)).toBeNull();
  chain.set("9999", ["0"]);
  expect(findCycle(chain)).toHaveLength(10_001);
});
