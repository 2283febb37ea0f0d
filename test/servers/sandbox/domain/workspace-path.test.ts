import { posix } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isInnerLink, workspacePath } from "../../../../servers/sandbox/domain/workspace-path.ts";

test.each([
  ["a", "a"],
  ["./a//b/", "a/b"],
  ["a/../b", "b"],
  ["/workspace", "."],
  ["/workspace/a/b", "a/b"],
  [".", "."],
  ["-rf", "-rf"],
  ["...", "..."],
  ["a b/ü", "a b/ü"],
])("%j is %j", (given, path) => {
  expect(workspacePath(given)).toBe(path);
});

test.each([
  "",
  "..",
  "a/../..",
  "/",
  "/etc",
  "/workspacex",
  "/workspace/../etc",
  "C:\\x",
  "c:/x",
  "a\\b",
  "a\0b",
  "a\nb",
  "\u007f",
  "\ud800",
  "x".repeat(300),
  "a/".repeat(600),
])("%j is refused", (given) => {
  expect(() => workspacePath(given)).toThrow();
});

test("what is let through never leaves the workspace and means what it says", () => {
  const part = fc.constantFrom("..", ".", "a", "b", "", "workspace");
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
      const given = parts.join("/");
      const path = (() => {
        try {
          return workspacePath(given);
        } catch {
          return null;
        }
      })();
      const meant = posix.resolve("/workspace", given);
      if (path !== null) expect(posix.join("/workspace", path).replace(/\/$/, "")).toBe(meant);
      if (meant !== "/workspace" && !meant.startsWith("/workspace/")) expect(path).toBeNull();
    }),
  );
});

test("a link stays inside exactly when no step of it leads above the top", () => {
  for (const [path, target, inside] of [
    ["l", "a", true],
    ["l", "..", false],
    ["l", "../x", false],
    ["a/l", "../b", true],
    ["a/l", "../../b", false],
    ["a/l", "../../a/b", false],
    ["a/b/l", "./../../c", true],
    ["l", "/workspace/a", false],
    ["l", "/etc/passwd", false],
    ["l", "", false],
    ["l", "a\nb", false],
  ] as const) {
    expect([path, target, isInnerLink(path, target)]).toEqual([path, target, inside]);
  }
});
