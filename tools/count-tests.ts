/**
 * Prints `N passed, N failed, N skipped` of a Vitest JSON report, and fails unless every test ran and passed.
 *
 *     count-tests.ts REPORT
 */
import { readFileSync } from "node:fs";
import { asObject, jsonObject } from "./packages.ts";

interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A test file that could not even be loaded has no tests to count: it counts as one failure. */
export function countTests(report: string): Count {
  const files = jsonObject(report)["testResults"];
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const file of Array.isArray(files) ? files.map(asObject) : []) {
    const tests: unknown = file["assertionResults"];
    const states = Array.isArray(tests) ? tests.map((test) => asObject(test)["status"]) : [];
    for (const state of states) {
      count[state === "passed" ? "passed" : state === "failed" ? "failed" : "skipped"] += 1;
    }
    if (file["status"] === "failed" && !states.includes("failed")) count.failed += 1;
  }
  return count;
}

if (import.meta.main) {
  const { passed, failed, skipped } = countTests(readFileSync(process.argv[2] ?? "", "utf8"));
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = passed > 0 && failed + skipped === 0 ? 0 : 1;
}
