import { afterAll, expect, test } from "vitest";
import { receiptCommand, receiptDigest, receiptKey, signReceipt } from "../../../../kernel/receipts.ts";
import { receiptCheck } from "../../../../servers/tasks/adapters/receipts.ts";
import { temporaryFolder } from "../../../support/all-servers.ts";

const home = temporaryFolder("tasks-receipts");
afterAll(() => home.dispose());

function isFor(argv: readonly string[], command: string): boolean | undefined {
  const token = signReceipt(
    {
      v: 1,
      id: "rcp_1",
      sandbox_id: "sbx_1",
      backend: "docker",
      isolation: "container",
      command: receiptCommand({ argv }),
      cwd: ".",
      tree_digest: receiptDigest("tree"),
      commands_before: 0,
      outcome: "exited",
      exit_code: 0,
      signal: null,
      counts: null,
      stdout_sha256: receiptDigest(""),
      stderr_sha256: receiptDigest(""),
      started_at: "2026-01-01T00:00:00.000Z",
      finished_at: "2026-01-01T00:00:01.000Z",
    },
    receiptKey(home.path),
  );
  return receiptCheck(home.path)(token)?.isFor(command);
}

test("a run of words proves the command that a shell splits into just these", () => {
  expect(isFor(["npm", "test"], "npm test")).toBe(true);
  expect(isFor(["npm", "run", "test", "--reporter=dot"], "npm run test --reporter=dot")).toBe(true);
  expect(isFor(["npm", "test"], "npm run test")).toBe(false);
  expect(isFor(["npm test"], "npm test")).toBe(false);
});

test.each([
  "A=1 npm",
  "npm  test",
  "npm test ",
  "npm $X",
  "npm 'a'",
  "npm a;b",
  "npm *",
  "npm ~",
  "npm a\nb",
])("%j is left to a shell", (command) => expect(isFor(command.split(" "), command)).toBe(false));
