import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clashingBranch, refuseBranchName } from "../../../../servers/git/domain/branch.ts";
import { refuseUrl } from "../../../../servers/git/domain/clone-url.ts";
import { composeMessage, refuseMessage } from "../../../../servers/git/domain/message.ts";
import { gitPath, refusePath, showPath } from "../../../../servers/git/domain/path.ts";

describe("a branch name", () => {
  it("that is accepted is one for git too", () => {
    const name = fc.string({
      unit: fc.constantFrom(
        "a",
        "B",
        "/",
        ".",
        "-",
        "_",
        "@",
        "{",
        "~",
        "^",
        ":",
        " ",
        "*",
        "[",
        "\\",
        "é",
        "lock",
        ".lock",
      ),
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(name, (text) => {
        if (refuseBranchName(text) !== undefined) return;
        execFileSync("git", ["check-ref-format", "--branch", text], { stdio: "ignore" });
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ["main", "MAIN", true],
    ["a/b", "a", true],
    ["a", "a/b", true],
    ["a/b", "a/c", false],
    ["ab", "a", false],
  ])("%s clashes with %s: %s", (name, other, clashes) => {
    expect(clashingBranch(name, [other])).toBe(clashes ? other : undefined);
  });
});

describe("a file name", () => {
  it("is shown as it is, or in quotes without any character that hides", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 30 }), (bytes) => {
        const path = Buffer.from(bytes).toString("latin1");
        const shown = showPath(path);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        // What is not quoted can be given back and means the same file.
        if (!shown.startsWith('"')) expect(gitPath(shown)).toBe(path);
      }),
    );
  });

  it("never reaches the git folder, however it is written", () => {
    const dotGit = fc.constantFrom(
      ".git",
      ".GIT",
      ".Git",
      ".git ",
      ".git.",
      ".git. .",
      "git~1",
      "GIT~2",
      ".git::$INDEX_ALLOCATION",
    );
    const around = fc.array(fc.constantFrom("a", ".", "b c"), { maxLength: 3 });
    fc.assert(
      fc.property(around, dotGit, around, fc.constantFrom("/", "\\"), (before, middle, after, separator) => {
        expect(refusePath([...before, middle, ...after].join(separator))).toBeDefined();
      }),
    );
    expect(refusePath(".gitignore")).toBeUndefined();
    expect(refusePath("src/.github/x.git/y")).toBeUndefined();
  });
});

describe("a commit message", () => {
  it("ends in its trailers, as git reads them", () => {
    const message = composeMessage("title\n\nbody: not a trailer\nmore", { "Task-Id": "t1", Agent: " a " });
    const read = execFileSync("git", ["interpret-trailers", "--parse"], { input: message, encoding: "utf8" });
    expect(read).toBe("Task-Id: t1\nAgent: a\n");
    const continued = composeMessage("title\n\nSigned-off-by: me", { Agent: "a" });
    expect(continued).toBe("title\n\nSigned-off-by: me\nAgent: a\n");
    expect(composeMessage("just: a title", { Agent: "a" })).toBe("just: a title\n\nAgent: a\n");
  });

  it("never gains a trailer from a value", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "\n", "\r", ":", " ", "\u2028", "\u0085") }),
        (value) => {
          if (refuseMessage("m", { Agent: value }) !== undefined) return;
          expect(composeMessage("m", { Agent: value }).trimEnd().split(/\r|\n/).length).toBe(3);
        },
      ),
    );
  });
});

describe("a URL to clone", () => {
  it.each([
    ["https://example.org/x.git", true],
    ["ssh://git@example.org:22/x", true],
    ["git@example.org:team/x.git", true],
    ["HTTPS://example.org/x", true],
    ["https://user@example.org/x", false],
    ["https://a:b@example.org/x", false],
    ["http://example.org/x", false],
    ["ext::sh -c x", false],
    ["git@host:-x", false],
    ["ssh://-o/x", false],
    ["-x", false],
    ["../other", false],
    ["https://example.org/a\nb", false],
    ["", false],
  ])("%j: %s", (url, allowed) => {
    expect(refuseUrl(url, ["https", "ssh"]) === undefined).toBe(allowed);
  });
});
