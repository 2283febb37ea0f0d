import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { slipwayHere } from "../support/slipway-here.ts";

test("bash completes commands and their verbs; the other shells get all of them, too", async () => {
  const { code, out } = await slipwayHere(["completion", "bash"]);
  expect(code).toBe(0);
  const complete = (...words: readonly string[]): readonly string[] => {
    const ask = `COMP_WORDS=(slipway ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}; _slipway; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const script = [...out, ask].join("\n");
    return execFileSync("bash", ["-c", script], { encoding: "utf8" }).trim().split("\n");
  };
  expect(complete("do")).toEqual(["doctor"]);
  expect(complete("tasks", "w")).toEqual(["watch"]);
  expect(complete("sandbox", "image", "")).toEqual(["build"]);
  for (const shell of ["zsh", "fish"])
    expect((await slipwayHere(["completion", shell])).out.join("\n")).toContain("selftest");
  expect(await slipwayHere(["completion", "csh"])).toMatchObject({
    code: 2,
    err: ['slipway: there are no completions for "csh" (bash, zsh or fish)'],
  });
});
