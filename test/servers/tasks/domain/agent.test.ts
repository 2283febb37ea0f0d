import { expect, test } from "vitest";
import { healthOf, registered, whyNoClaim, type Agent } from "../../../../servers/tasks/domain/agent.ts";

const MINUTE = 60_000;
const ann: Agent = {
  name: "ann",
  role: "writer",
  capabilities: ["gpu"],
  maxConcurrent: 2,
  isRetired: false,
  registeredAt: 0,
  lastCallAt: 0,
  lostAt: null,
};

test("registering again keeps what is left out, and brings a retired agent back", () => {
  const wish = {
    name: "ann",
    role: undefined,
    capabilities: undefined,
    maxConcurrent: undefined,
    retire: false,
  };
  expect(registered({ ...ann, isRetired: true }, wish, 7)).toEqual({ ...ann, lastCallAt: 7 });
  expect(
    registered(ann, { ...wish, role: "reader", capabilities: [], maxConcurrent: 1, retire: true }, 7),
  ).toEqual({
    ...ann,
    role: "reader",
    capabilities: [],
    maxConcurrent: 1,
    isRetired: true,
    lastCallAt: 7,
  });
  expect(registered(undefined, wish, 7)).toMatchObject({ role: null, maxConcurrent: null, registeredAt: 7 });
});

test.each([
  [0, 5 * MINUTE, "active"],
  [0, 5 * MINUTE + 1, "idle"],
  [0, 60 * MINUTE, "idle"],
  [0, 60 * MINUTE + 1, "lost"],
  [1, 60 * MINUTE + 1, "active"],
] as const)("an agent that holds %i tasks and was silent for %i ms is %s", (load, now, health) => {
  expect(healthOf(ann, load, now)).toBe(health);
  expect(healthOf({ ...ann, isRetired: true }, load, now)).toBe("retired");
});

test("an agent gets work up to what it may hold, and none once it is retired", () => {
  expect(whyNoClaim(ann, 1)).toBeNull();
  expect(whyNoClaim(ann, 2)).toContain("2 of at most 2");
  expect(whyNoClaim({ ...ann, maxConcurrent: null }, 1_000)).toBeNull();
  expect(whyNoClaim({ ...ann, isRetired: true }, 0)).toContain("retired");
});
