import { expect, test } from "vitest";
import { requirement } from "./skip.ts";

test("what is there runs, and its name is left alone", () => {
  expect(requirement("Docker", true, "unused", true)).toEqual({ skip: false, label: "" });
});

test("what is missing is skipped with the reason in the name", () => {
  expect(requirement("Docker", false, "no daemon", false)).toEqual({
    skip: true,
    label: " [skipped: Docker is missing, no daemon]",
  });
});

test("where skipping is forbidden, what is missing fails", () => {
  expect(() => requirement("Docker", false, "no daemon", true)).toThrow(/Docker is missing.*no daemon/);
});
