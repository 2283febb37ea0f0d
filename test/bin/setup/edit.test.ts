import { describe, expect, test } from "vitest";
import { editJson, readJsonServers } from "../../../bin/setup/edit-json.ts";
import { editToml, readTomlServers } from "../../../bin/setup/edit-toml.ts";

const ENTRY = { command: "/opt/slipway", args: ["serve", "all"] };
const add = (text: string): string => editJson(text, "mcpServers", "slipway", ENTRY);
const take = (text: string): string => editJson(text, "mcpServers", "slipway", undefined);

describe("JSON with comments", () => {
  test.each([
    ["an empty file", ""],
    ["an object with nothing", "{}"],
    ["other settings", '{\n  "theme": "dark"\n}\n'],
    ["other servers", '{"mcpServers": {"x": {"command": "x"}}}'],
    [
      "comments and a trailing comma",
      '// mine\n{\n\t"a": 1, /* why */\n\t"mcpServers": {\n\t\t"x": {"command": "x"}, // keep\n\t},\n}\n',
    ],
    ["a byte order mark and CRLF", '\uFEFF{\r\n    "a": "http://x",\r\n    "mcpServers": {}\r\n}\r\n'],
  ])(
    "%s: the entry comes in, everything else stays, and taking it out gives the same back",
    (_what, text) => {
      const after = add(text);
      expect(readJsonServers(after, "mcpServers")).toEqual({
        ...readJsonServers(text, "mcpServers"),
        slipway: ENTRY,
      });
      for (const piece of text.match(/\/\/ \w+|\/\* \w+ \*\/|"theme": "dark"|\r\n|^\uFEFF|"a": \S+,/g) ?? [])
        expect(after).toContain(piece);
      expect(add(after)).toBe(after);
      const back = take(after);
      expect(readJsonServers(back, "mcpServers")).toEqual(readJsonServers(text, "mcpServers"));
      expect(back === "" || back.includes("slipway")).toBe(back === "");
    },
  );

  test("what held nothing but the entry ends as nothing; a comment keeps the file", () => {
    expect(take(add(""))).toBe("");
    expect(take(add("{ // mine\n}"))).toContain("// mine");
  });

  test.each([
    ["half an object", '{"mcpServers": {', /not JSON \(line 1/],
    ["a stray word on line 3", '{\n  "a": 1,\n  oops\n}', /line 3/],
    ["a list", "[]", /no JSON object/],
    ["servers that are a list", '{"mcpServers": []}', /"mcpServers" is no object/],
    ["the key twice", '{"mcpServers": {}, "mcpServers": {"x": 1}}', /cannot be changed by itself/],
  ])("%s is refused", (_what, text, message) => {
    expect(() => add(text)).toThrow(message);
  });
});

describe("TOML", () => {
  const put = (text: string): string => editToml(text, "mcp_servers", "slipway", ENTRY);
  const cut = (text: string): string => editToml(text, "mcp_servers", "slipway", undefined);

  test.each([
    ["an empty file", ""],
    ["settings and comments", '# mine\nmodel = "m"  # why\n\n[tui]\ntheme = "x"\n'],
    [
      "other servers, with a table below",
      '[mcp_servers.x]\ncommand = "x"\n[mcp_servers.x.env]\nA = "1"\n# end\n',
    ],
    ["a header inside a string", 'note = """\n[mcp_servers.slipway]\n"""\n[a]\nb = 1\n'],
  ])("%s: the table comes last, every line stays, and taking it out gives the same back", (_what, text) => {
    const after = put(text);
    expect(after.startsWith(text.trimEnd())).toBe(true);
    expect(readTomlServers(after, "mcp_servers")).toMatchObject({ slipway: ENTRY });
    // What cannot be told apart by its lines is refused, never cut.
    if (text.includes('"""')) return expect(() => cut(after)).toThrow("cannot be changed by itself");
    expect(put(after)).toBe(after);
    expect(cut(after).trimEnd()).toBe(text.trimEnd());
  });

  test("a table in the middle goes with those below it; the next one's comment stays", () => {
    const text =
      '[mcp_servers.slipway]\ncommand = "s"\n[mcp_servers."slipway".env]\nA = "1"\n\n# of b\n[b]\nc = 1\n';
    expect(cut(text)).toBe("\n# of b\n[b]\nc = 1\n");
  });

  test.each([
    ["no TOML", "a = = 1", /not TOML \(line 1\)/],
    ["an inline table", 'mcp_servers = { x = { command = "x" } }', /cannot be changed by itself/],
    ["a value", "mcp_servers = 1", /is no table/],
  ])("%s is refused", (_what, text, message) => {
    expect(() => put(text)).toThrow(message);
  });
});
