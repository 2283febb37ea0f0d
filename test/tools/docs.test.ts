import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { currentPage, toolsPage } from "../../tools/docs.ts";

test("docs/tools.md says what the servers list", async () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/tools.md"), "utf8");
  expect(page, "run npm run docs").toBe(await currentPage());
});

test("a tool becomes one row, whatever its description holds", () => {
  const tool = {
    name: "do_it",
    description: "Does a|b,\nthen c.",
    arguments: ["what", "how?"],
    effect: "writes",
  } as const;
  const page = toolsPage(
    new Map([
      ["one", [tool]],
      ["two", [{ ...tool, name: "do_more", arguments: [], effect: "reads" }]],
    ]),
    new Set(["do_it"]),
  );
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows).toEqual([
    "| `do_it` ★ | Does a\\|b, then c. | `what`, `how?` | writes |",
    "| `do_more` | Does a\\|b, then c. |  | reads |",
  ]);
});
