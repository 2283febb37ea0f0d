import { DomainError } from "../../../../kernel/errors.ts";
import type { Framework } from "../../domain/test-command.ts";
import type { TestCase } from "../../domain/test-report.ts";
import { readCargo } from "./cargo.ts";
import { readGo } from "./go.ts";
import { readJest, readMocha, readNodeEvents } from "./json-tools.ts";
import { readJunit } from "./junit.ts";
import type { Report } from "./report.ts";
import { readTap } from "./tap.ts";

const READERS: Readonly<Record<Framework, Report>> = {
  node: readNodeEvents,
  vitest: readJest,
  jest: readJest,
  mocha: readMocha,
  pytest: readJunit,
  go: readGo,
  cargo: readCargo,
  tap: readTap,
  junit: readJunit,
};

const MAX_CASES = 100_000;

/**
 * Reads the report a tool left.
 *
 * @throws {DomainError} invalid where it is none, limit where it names too many tests.
 */
export function readReport(framework: Framework, content: Uint8Array, root: string): readonly TestCase[] {
  const cases: TestCase[] = [];
  READERS[framework](new TextDecoder().decode(content), root, (test) => {
    if (cases.push(test) > MAX_CASES)
      throw new DomainError("limit", `the report names more than ${MAX_CASES} tests`, {
        hint: "run a part of the tests",
      });
  });
  return cases;
}
