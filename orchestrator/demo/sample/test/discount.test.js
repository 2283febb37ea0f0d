import assert from "node:assert/strict";
import { test } from "node:test";
import { discountPercent } from "../src/discount.js";

const tiers = [
  { from: 50, percent: 12 },
  { from: 10, percent: 5 },
];

test("a tier holds from its quantity on", () => {
  assert.equal(discountPercent(9, tiers), 0);
  assert.equal(discountPercent(10, tiers), 5);
  assert.equal(discountPercent(50, tiers), 12);
});

test("of several tiers the highest wins", () => {
  assert.equal(discountPercent(80, tiers), 12);
});
