import assert from "node:assert/strict";
import { test } from "node:test";
import * as invoice from "../src/invoice.js";

const tiers = [{ from: 10, percent: 5 }];

test("an invoice adds up its lines", () => {
  const lines = [
    { price: "1.15", quantity: 2 },
    { price: "4.35", quantity: 1 },
  ];
  assert.equal(invoice.invoiceTotal(lines, tiers), 665);
});

test("a line gets the discount of its quantity, to the nearest cent", () => {
  assert.equal(invoice.invoiceTotal([{ price: "1.15", quantity: 10 }], tiers), 1093);
});
