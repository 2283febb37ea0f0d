import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("readers of one process that begin at the same time all read", () => {
  // In a process of its own: only the first readings of a process can get in each other's way.
  const script = `
    import { sourceTrees } from ${JSON.stringify(new URL("../../kernel/source-trees.ts", import.meta.url).href)};
    const read = (grammar, text) => sourceTrees().read(grammar, text, (root) => root.descendantsOfType("identifier").length);
    console.log(JSON.stringify(await Promise.all([read("javascript", "a + b"), read("python", "a"), read("javascript", "a")])));
  `;
  const said = execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
  });
  expect(JSON.parse(said)).toEqual([2, 1, 1]);
});
