import assert from "node:assert/strict";
import { test } from "node:test";
import { toCents } from "../src/money.js";

test("every amount keeps its cents", () => {
  assert.equal(toCents("1.15"), 115);
  assert.equal(toCents("0.07"), 7);
  assert.equal(toCents("4.35"), 435);
  assert.equal(toCents("12"), 1200);
});

test("text that is no amount is refused", () => {
  assert.throws(() => toCents("1,15"), RangeError);
  assert.throws(() => toCents("-1"), RangeError);
});
