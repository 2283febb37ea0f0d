import fc from "fast-check";
import { expect, test } from "vitest";
import { dangerOf } from "../../../../kernel/dangerous-paths.ts";
import { guaranteesFrom, parseFacts } from "../../../../servers/sandbox/domain/guarantees.ts";
import { DEFAULT_LIMITS } from "../../../../servers/sandbox/domain/limits.ts";
import { applyChange, compareManifests, type Manifest } from "../../../../servers/sandbox/domain/manifest.ts";
import { decodePart } from "../../../../servers/sandbox/domain/text-part.ts";

test.each([
  ".git/hooks/pre-commit",
  "sub/.git/config",
  ".mcp.json",
  ".claude/settings.json",
  ".codex/config.toml",
  ".vscode/tasks.json",
  ".github/workflows/ci.yml",
  "CLAUDE.md",
  "a/AGENTS.md",
  ".gitattributes",
  ".husky/pre-push",
  ".MCP.json",
  ".ci/run",
])("%s is flagged", (path) => {
  expect(dangerOf(path)).not.toBeNull();
});

test.each([
  "src/index.ts",
  "git/hooks",
  ".gitignore",
  "docs/claude.txt",
  "x.vscode/a",
  "package.json",
  "mcp.json",
])("%s is not flagged", (path) => {
  expect(dangerOf(path)).toBeNull();
});

const sound = `uid=1000
cap_eff=0000000000000000
cap_bnd=0000000000000000
no_new_privs=1
root_writable=no
usr_writable=no
host_visible=no
interfaces=lo
visible_processes=5
pids_limit=256
memory_limit=${(1_024 + 512 + 64) * 1_048_576}
cpu_quota=100000
cpu_period=100000
workspace_kb=524288
`;

test("what was seen to hold is enforced", () => {
  expect(guaranteesFrom(parseFacts(sound), DEFAULT_LIMITS)).toEqual({
    filesystem: "enforced",
    network: "enforced",
    processes: "enforced",
    memory: "enforced",
    cpu: "enforced",
    disk: "enforced",
    kernel: "shared",
  });
});

test.each([
  ["uid=0", "processes"],
  ["cap_bnd=00000000000000c0", "processes"],
  ["no_new_privs=0", "processes"],
  ["pids_limit=unlimited", "processes"],
  ["visible_processes=140", "processes"],
  ["root_writable=yes", "filesystem"],
  ["host_visible=yes", "filesystem"],
  ["interfaces=lo,eth0", "network"],
  ["memory_limit=9223372036854771712", "memory"],
  ["memory_limit=max", "memory"],
  ["cpu_quota=-1", "cpu"],
  ["cpu_quota=max", "cpu"],
  ["workspace_kb=260000000", "disk"],
] as const)("%s takes the guarantee of %s away", (fact, guarantee) => {
  expect(guaranteesFrom(parseFacts(`${fact}\n${sound}`), DEFAULT_LIMITS)[guarantee]).toBe("none");
});

test("silence guarantees nothing", () => {
  const { kernel, ...rest } = guaranteesFrom(parseFacts(""), DEFAULT_LIMITS);
  expect([kernel, ...new Set(Object.values(rest))]).toEqual(["shared", "none"]);
});

const manifest = fc.dictionary(
  fc.constantFrom("a", "b", "d/x", "d/y", "d/e/z"),
  fc.tuple(fc.constantFrom("100644", "100755"), fc.constantFrom("1", "2")),
);

test("a change turns one tree into another, and comparing finds it again", () => {
  fc.assert(
    fc.property(manifest, manifest, (before: Manifest, after: Manifest) => {
      const changes = compareManifests(before, after);
      const set = changes.flatMap(({ path }) => {
        const [mode, digest] = after[path] ?? [];
        return mode === undefined || digest === undefined ? [] : [{ path, mode, digest }];
      });
      const removed = changes.filter(({ status }) => status === "deleted").map(({ path }) => path);
      expect(compareManifests(applyChange(before, { set, removed }), after)).toEqual([]);
    }),
  );
});

test("removing a folder removes what it holds and nothing beside it", () => {
  const tree: Manifest = {
    "d/x": ["100644", "1"],
    "d/e/z": ["100644", "1"],
    dd: ["100644", "1"],
    "d.x": ["100644", "1"],
  };
  expect(Object.keys(applyChange(tree, { set: [], removed: ["d"] })).sort()).toEqual(["d.x", "dd"]);
});

test("text read in parts of any size is the text, and bytes stay bytes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 4, max: 20 }), (text, size) => {
      const bytes = Buffer.from(text);
      let read = "";
      for (let at = 0; at < bytes.length;) {
        const piece = bytes.subarray(at, at + size);
        const part = decodePart(piece, at + piece.length < bytes.length);
        expect(part.text).not.toBeNull();
        read += part.text;
        at += part.bytes;
      }
      expect(read).toBe(bytes.toString("utf8"));
    }),
  );
  expect(decodePart(Uint8Array.of(0xff, 0x41), false)).toEqual({ text: null, bytes: 2 });
  expect(decodePart(Buffer.from("\ufeffa"), false).text).toBe("\ufeffa");
});
