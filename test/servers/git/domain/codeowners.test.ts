import { describe, expect, it } from "vitest";
import { ownersOf, parseCodeowners, reviewersFor } from "../../../../servers/git/domain/codeowners.ts";
import { placeOf } from "../../../../servers/git/domain/forge.ts";

const owners = (file: string, text: string) => ownersOf(file, parseCodeowners(text));

describe("CODEOWNERS", () => {
  // Source: GitHub documentation, "About code owners", "Example of a CODEOWNERS file".
  const example = `
# This is a comment.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
`;
  it.each([
    ["README.md", ["@global-owner1", "@global-owner2"]],
    ["src/a.js", ["@js-owner"]],
    ["a.go", ["docs@example.com"]],
    ["x/a.txt", ["@octo-org/octocats"]],
    ["docs/getting-started.md", ["@doctocat"]],
    ["docs/build-app/troubleshooting.md", ["@doctocat"]],
    ["scripts/artifacts/x", ["@doctocat", "@octocat"]],
    ["deeply/nested/logs/x", ["@octocat"]],
    ["build/logs/x", ["@octocat"]],
    ["apps/x", ["@octocat"]],
    ["apps/github", []],
    ["apps/github/x", []],
  ])("%s", (file, wanted) => {
    expect(owners(file, example)).toEqual(wanted);
  });

  it.each([
    ["a star at the end is for that folder only", "/docs/* @a", "docs/a.md", ["@a"]],
    ["and not below it", "/docs/* @a", "docs/sub/a.md", undefined],
    ["a folder at any depth", "apps/ @a", "x/apps/y/z", ["@a"]],
    ["a folder at the top", "/apps/ @a", "x/apps/y", undefined],
    ["no negation", "!neg.txt @a", "neg.txt", undefined],
    ["no ranges", "[ab].md @a", "a.md", undefined],
    ["case matters", "/UP/ @a", "up/x", undefined],
    ["an inline comment", "*.js @a # note", "x.js", ["@a"]],
    ["an escaped space", "path\\ with\\ space/ @a", "path with space/x", ["@a"]],
    ["a line with a bad owner is left out", "*.js @a\n*.js nonsense", "x.js", ["@a"]],
    ["two stars in the middle", "a/**/z @a", "a/b/c/z", ["@a"]],
    ["two stars for nothing", "a/**/z @a", "a/z", ["@a"]],
    ["two stars at the end", "a/** @a", "a/b/c", ["@a"]],
    ["a dot is a dot", "a.b @a", "axb", undefined],
    ["windows line ends", "*.js @a\r\n", "x.js", ["@a"]],
  ])("%s", (_what, text, file, wanted) => {
    expect(owners(file, text)).toEqual(wanted);
  });

  it("asks each owner once, not the author, no addresses, at most fifteen", () => {
    const many = Array.from({ length: 20 }, (_, at) => `@u${at}`).join(" ");
    const rules = parseCodeowners(`* @Ann b@c.org @team/x @bob\n*.js ${many}`);
    expect(reviewersFor(["a", "b"], rules, "ann")).toEqual(["team/x", "bob"]);
    expect(reviewersFor(["a.js"], rules, "ann")).toHaveLength(15);
    expect(parseCodeowners("x".repeat(3 * 1024 * 1024))).toEqual([]);
  });
});

it.each([
  ["https://github.com/a/b.git", { owner: "a", name: "b" }],
  ["https://github.com/a/b", { owner: "a", name: "b" }],
  ["git@github.com:a/b.git", { owner: "a", name: "b" }],
  ["ssh://git@github.com:22/a/b.git", { owner: "a", name: "b" }],
  ["https://evil.example/github.com/a/b", undefined],
  ["https://github.com.evil.example/a/b", undefined],
  ["https://github.com/a/b/c", undefined],
  ["/srv/a/b", undefined],
])("the place of %s", (url, place) => {
  expect(placeOf(url, "github.com")).toEqual(place);
});
