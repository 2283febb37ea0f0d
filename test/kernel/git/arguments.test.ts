import { describe, expect, it } from "vitest";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import { classifyKey } from "../../../kernel/git/config-keys.ts";
import { judgeKeys } from "../../../kernel/git/config-scan.ts";

describe("gitCommand", () => {
  it("puts values behind the markers", () => {
    expect(
      gitCommand("diff", ["--numstat", "-z"], { revisions: ["abc", "def"], paths: ["-x", "a b"] }).argv,
    ).toEqual([
      "diff",
      "--no-ext-diff",
      "--no-textconv",
      "--no-color",
      "--ignore-submodules=dirty",
      "--src-prefix=a/",
      "--dst-prefix=b/",
      "--numstat",
      "-z",
      "--end-of-options",
      "abc",
      "def",
      "--",
      "-x",
      "a b",
    ]);
  });

  it.each(["", "-", "--output=x", "a\0", "a\nb", "\u007f", "\ud800", "x".repeat(4097)])(
    "refuses the revision %j",
    (revision) => {
      expect(() => gitCommand("log", [], { revisions: [revision] })).toThrow(
        expect.objectContaining({ code: "invalid" }),
      );
    },
  );

  it.each(["", "a\0", "a\nb", "x".repeat(4097)])("refuses the path %j", (path) => {
    expect(() => gitCommand("log", [], { paths: [path] })).toThrow(
      expect.objectContaining({ code: "invalid" }),
    );
  });

  it("refuses flags that are not in the table, even behind the type's back", () => {
    // @ts-expect-error The type already refuses it.
    expect(() => gitCommand("diff", ["--output=x"])).toThrow("not offered");
    expect(() => gitCommand("worktree_add", ["-b--force"])).toThrow("may not start with");
    expect(() => gitCommand("log", ["--format=a\0b"])).toThrow("malformed");
  });
});

describe("a configuration key", () => {
  it.each([
    ["core.fsmonitor", "override"],
    ["CORE.FSMonitor", "override"],
    ["core.hookspath", "override"],
    ["core.sshcommand", "override"],
    ["filter.a.b.clean", "override"],
    ["filter..smudge", "override"],
    ["diff.external", "override"],
    ["diff.x.textconv", "override"],
    ["merge.x.driver", "override"],
    ["gpg.program", "override"],
    ["gpg.ssh.defaultkeycommand", "override"],
    ["sequence.editor", "override"],
    ["trailer.x.cmd", "override"],
    ["init.templatedir", "override"],
    ["include.path", "refuse"],
    ["includeif.gitdir:~/.path", "refuse"],
    ["url.https://a.b/.insteadof", "network"],
    ["protocol.ext.allow", "network"],
    ["remote.origin.uploadpack", "network"],
    ["http.proxy", "network"],
    ["http.https://x.y/.proxy", "network"],
    ["credential.helper", "network"],
    ["credential.https://x.helper", "network"],
    ["alias.st", "report"],
    ["core.worktree", "report"],
    ["extensions.worktreeconfig", "report"],
    ["submodule.x.update", "report"],
    ["core.bare", undefined],
    ["user.name", undefined],
    ["branch.main.merge", undefined],
    ["remote.origin.url", undefined],
    ["filter.clean", undefined],
    ["merge.driver", undefined],
    ["plain", undefined],
  ])("%s: %s", (key, action) => {
    expect(classifyKey(key)?.action).toBe(action);
  });

  it("switches off a whole filter, so that a required one cannot fail", () => {
    expect(judgeKeys(["filter.lfs.required", "filter.lfs.clean", "filter.lfs.clean"])).toEqual({
      keys: ["filter.lfs.clean", "filter.lfs.required"],
      overrides: [
        { key: "filter.lfs.clean", value: "" },
        { key: "filter.lfs.smudge", value: "" },
        { key: "filter.lfs.process", value: "" },
        { key: "filter.lfs.required", value: "false" },
      ],
      refused: [],
      network: [],
    });
  });
});
