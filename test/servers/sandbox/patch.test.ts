import { execFileSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import {
  findIgnored,
  withScratchRepository,
  writePatch,
  type Change,
  type Side,
} from "../../../servers/sandbox/adapters/patch.ts";

const scratch = mkdtempSync(join(tmpdir(), "slipway-patch-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const settings = { path: process.env["PATH"] ?? "/usr/bin:/bin", scratch };

type Tree = ReadonlyMap<string, Side>;

function file(content: string | Uint8Array, mode = "100644"): Side {
  return { mode, content: typeof content === "string" ? Buffer.from(content) : content };
}

function materialise(folder: string, tree: Tree): void {
  for (const [path, { mode, content }] of tree) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    if (mode === "120000") symlinkSync(Buffer.from(content).toString(), target);
    else {
      writeFileSync(target, content);
      chmodSync(target, mode === "100755" ? 0o755 : 0o644);
    }
  }
}

function observe(folder: string, at = ""): Map<string, { mode: string; content: string }> {
  const found = new Map<string, { mode: string; content: string }>();
  for (const name of readdirSync(join(folder, at))) {
    if (at === "" && name === ".git") continue;
    const path = at === "" ? name : `${at}/${name}`;
    const stat = lstatSync(join(folder, path));
    if (stat.isDirectory()) for (const [key, value] of observe(folder, path)) found.set(key, value);
    else if (stat.isSymbolicLink())
      found.set(path, {
        mode: "120000",
        content: Buffer.from(readlinkSync(join(folder, path))).toString("base64"),
      });
    else
      found.set(path, {
        mode: (stat.mode & 0o100) === 0 ? "100644" : "100755",
        content: readFileSync(join(folder, path)).toString("base64"),
      });
  }
  return found;
}

/** Applies the patch between two trees with real git in a fresh repository, and looks at what is there. */
async function roundTrip(before: Tree, after: Tree): Promise<Map<string, { mode: string; content: string }>> {
  const paths = [...new Set([...before.keys(), ...after.keys()])];
  const changes: Change[] = paths.map((path) => ({
    path,
    before: before.get(path) ?? null,
    after: after.get(path) ?? null,
  }));
  const { text } = await withScratchRepository(settings, (place) => writePatch(place, changes));
  const clone = mkdtempSync(join(scratch, "clone-"));
  materialise(clone, before);
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  execFileSync("git", ["init", "--quiet", clone], { env });
  if (text !== "")
    execFileSync("git", ["-C", clone, "apply", "--whitespace=nowarn"], {
      input: JSON.parse(JSON.stringify(text)),
      env,
    });
  return observe(clone);
}

function expected(tree: Tree): Map<string, { mode: string; content: string }> {
  return new Map(
    [...tree].map(([path, { mode, content }]) => [
      path,
      { mode, content: Buffer.from(content).toString("base64") },
    ]),
  );
}

const cases: readonly (readonly [string, Tree, Tree])[] = [
  ["nothing", new Map([["a", file("1\n")]]), new Map([["a", file("1\n")]])],
  ["an edit", new Map([["a", file("1\n2\n3\n")]]), new Map([["a", file("1\ntwo\n3\n")]])],
  ["no newline at the end", new Map([["a", file("1\n2")]]), new Map([["a", file("1\n2\n3")]])],
  [
    "added, deleted, emptied",
    new Map([
      ["a", file("1\n")],
      ["e", file("x")],
    ]),
    new Map([
      ["b/c", file("2\n")],
      ["e", file("")],
    ]),
  ],
  [
    "from nothing",
    new Map(),
    new Map([
      ["a", file("1\n")],
      ["empty", file("")],
    ]),
  ],
  ["to nothing", new Map([["a", file("1\n")]]), new Map()],
  [
    "modes",
    new Map([
      ["a", file("1\n")],
      ["b", file("1\n", "100755")],
    ]),
    new Map([
      ["a", file("1\n", "100755")],
      ["b", file("2\n")],
    ]),
  ],
  [
    "binary",
    new Map([["a", file(Uint8Array.of(0, 1, 2, 255))]]),
    new Map([["a", file(Uint8Array.of(0, 9, 2, 254, 10, 13))]]),
  ],
  [
    "text that is not UTF-8",
    new Map([['a *[x]?\\"', file(Uint8Array.of(0xe9, 10))]]),
    new Map([['a *[x]?\\"', file(Uint8Array.of(0xe8, 10, 0xff))]]),
  ],
  [
    "line ends and marks",
    new Map([["a", file("\ufeffone\r\ntwo\rthree\n")]]),
    new Map([["a", file("\ufeffone\r\nzwei\rthree\u2028x\n")]]),
  ],
  [
    "links",
    new Map([
      ["l", file("a", "120000")],
      ["a", file("1\n")],
    ]),
    new Map([
      ["l", file("b", "120000")],
      ["b", file("1\n")],
    ]),
  ],
  [
    "a link for a file",
    new Map([
      ["l", file("1\n")],
      ["a", file("1\n")],
    ]),
    new Map([
      ["l", file("a", "120000")],
      ["a", file("1\n")],
    ]),
  ],
  ["a folder for a file", new Map([["x", file("1\n")]]), new Map([["x/y", file("2\n")]])],
  [
    "hard names",
    new Map([["ünï/‚o'p\"q $x", file("1\n")]]),
    new Map([
      ["ünï/‚o'p\"q $x", file("2\n")],
      ["-rf", file("x\n")],
      ["a b /c", file("y\n")],
    ]),
  ],
];

test.each(cases)("git apply reproduces: %s", async (_name, before, after) => {
  expect(await roundTrip(before, after)).toEqual(expected(after));
});

test("git apply reproduces any change of any small tree", async () => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .array(fc.constantFrom("a\n", "b\n", "c\r\n", "é\n", "d"), { maxLength: 8 })
      .map((lines) => Buffer.from(lines.join(""))),
  );
  const side = fc.record({ mode: fc.constantFrom("100644", "100755"), content });
  const tree = fc
    .uniqueArray(fc.tuple(fc.constantFrom("a", "b/c", "b/d é", "e [1]*", "f/g/h"), side), {
      maxLength: 4,
      selector: ([path]) => path,
    })
    .map((entries) => new Map(entries));
  await fc.assert(
    fc.asyncProperty(tree, tree, async (before, after) => {
      expect(await roundTrip(before, after)).toEqual(expected(after));
    }),
    { numRuns: 15 },
  );
});

test("the tree's own ignore files decide, folder by folder", async () => {
  const ignored = await withScratchRepository(settings, (place) =>
    findIgnored(
      place,
      [
        { path: ".gitignore", content: Buffer.from("dist/\n*.log\n!keep.log\n") },
        { path: "sub/.gitignore", content: Buffer.from("/only-here\n") },
      ],
      ["dist/x.js", "src/a.js", "a.log", "keep.log", "sub/only-here", "only-here", ":(top)x.log"],
    ),
  );
  expect([...ignored].sort()).toEqual([":(top)x.log", "a.log", "dist/x.js", "sub/only-here"]);
});
