import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ErrorCode } from "../../kernel/errors.ts";
import { openRoots, type Roots } from "../../kernel/roots.ts";

let base: string;
let roots: Roots;

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "roots-")));
  for (const folder of ["app/src", "app-evil", "outside/deep"])
    mkdirSync(join(base, folder), { recursive: true });
  writeFileSync(join(base, "app/file"), "");
  writeFileSync(join(base, "outside/secret"), "");
  symlinkSync(join(base, "outside/secret"), join(base, "app/leaf"));
  symlinkSync(join(base, "outside"), join(base, "app/out"));
  symlinkSync(join(base, "app/src"), join(base, "app/in"));
  symlinkSync(join(base, "outside/absent"), join(base, "app/dangling"));
  symlinkSync("loop", join(base, "app/loop"));
  roots = openRoots([join(base, "app")]);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

const refusedByBoth: readonly (readonly [string, string, ErrorCode])[] = [
  ["empty", "", "invalid"],
  ["relative", "src", "invalid"],
  ["NUL", "<app>/a\u0000b", "invalid"],
  ["newline", "<app>/a\nb", "invalid"],
  ["C1 control character", "<app>/a\u009bb", "invalid"],
  ["lone surrogate", "<app>/a\ud800b", "invalid"],
  ["4097 characters", `/${"a".repeat(4096)}`, "invalid"],
  ["climbing out", "<app>/../outside", "denied"],
  ["a sibling with the same beginning", "<base>/app-evil", "denied"],
  ["the parent", "<base>", "denied"],
  ["a link to a file outside", "<app>/leaf", "denied"],
  ["below a link to a folder outside", "<app>/out/secret", "denied"],
  ["a link loop", "<app>/loop", "invalid"],
];

describe("a path a caller gives", () => {
  const at = (path: string): string => path.replace("<app>", join(base, "app")).replace("<base>", base);

  it.each(refusedByBoth)("is refused by both: %s", async (_name, path, code) => {
    await expect(roots.resolve(at(path))).rejects.toMatchObject({ name: "DomainError", code });
    await expect(roots.resolveNew(at(path))).rejects.toMatchObject({ name: "DomainError", code });
  });

  it.each([
    ["<app>", ""],
    ["<app>/", ""],
    ["<app>/src/../file", "/file"],
    ["<app>/in", "/src"],
    ["<app>/in/../file", "/file"],
  ])("exists: %s", async (path, real) => {
    expect(await roots.resolve(at(path))).toBe(join(base, "app") + real);
  });

  it("does not exist", async () => {
    await expect(roots.resolve(at("<app>/none"))).rejects.toMatchObject({ code: "not_found" });
    await expect(roots.resolve(at("<app>/file/below"))).rejects.toMatchObject({ code: "not_found" });
  });

  it.each([
    ["<app>/new", "/new"],
    ["<app>/a/b/c", "/a/b/c"],
    ["<app>//a/./b/", "/a/b"],
    ["<app>/in/new", "/src/new"],
    ["<app>/file", "/file"],
  ])("is to be created: %s", async (path, real) => {
    expect(await roots.resolveNew(at(path))).toBe(join(base, "app") + real);
  });

  it.each([
    "<app>/out/new",
    "<app>/dangling",
    "<app>/dangling/new",
    "<base>/app-evil/new",
    "<app>/src/../new",
  ])("may not be created: %s", async (path) => {
    await expect(roots.resolveNew(at(path))).rejects.toMatchObject({ code: "denied" });
  });
});

it("refuses a root that does not exist", () => {
  expect(() => openRoots(["/surely/not/here"])).toThrow("does not exist");
});

it("admits everything below the file system's root", async () => {
  expect(await openRoots(["/"]).resolve(base)).toBe(base);
});
