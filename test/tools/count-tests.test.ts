import { expect, test } from "vitest";
import { countTests } from "../../tools/count-tests.ts";

const file = (status: string, ...tests: readonly string[]): object => ({
  status,
  assertionResults: tests.map((state) => ({ status: state })),
});

test("every test is counted, and one that did not run is skipped whatever its state is called", () => {
  const testResults = [
    file("passed", "passed", "skipped", "pending", "todo"),
    file("failed", "failed", "passed"),
  ];
  expect(countTests(JSON.stringify({ testResults }))).toEqual({ passed: 2, failed: 1, skipped: 3 });
});

test("a file that could not be loaded is a failure", () => {
  const testResults = [file("failed"), file("failed", "passed")];
  expect(countTests(JSON.stringify({ testResults }))).toEqual({ passed: 1, failed: 2, skipped: 0 });
});

test("a report without tests counts none", () => {
  expect(countTests("{}")).toEqual({ passed: 0, failed: 0, skipped: 0 });
});
