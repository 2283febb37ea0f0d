import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Client } from "@modelcontextprotocol/client";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { silentLog } from "../../../kernel/log.ts";
import { bindPrompts, definePrompt, quoted } from "../../../kernel/mcp/prompt.ts";
import { beginning, bindResources, type Resource } from "../../../kernel/mcp/resource.ts";
import type { ToolServer } from "../../../kernel/mcp/server.ts";
import { connect, connectOld } from "../../support/connect.ts";

const NAMES = Array.from({ length: 150 }, (_, n) => `n${String(n).padStart(3, "0")}`);
interface Deps {
  readonly names: readonly string[];
}
const suggest = async (start: string, { names }: Deps): Promise<readonly string[]> => beginning(names, start);

const resources: readonly Resource<Deps>[] = [
  {
    name: "all",
    title: "All",
    description: "Every name.",
    uri: "test://all",
    mimeType: "text/plain",
    read: async (_none, { names }, call) => `${names.length} for ${call.principal.id}`,
  },
  {
    name: "one",
    title: "One",
    description: "One name.",
    uri: "test://one/{name}",
    mimeType: "text/plain",
    async read({ name = "" }, { names }) {
      if (name === "defect") throw new Error("at /secret/place");
      if (name === "later") throw new DomainError("unavailable", "not now");
      if (!names.includes(name)) throw new DomainError("not_found", `no ${name}`, { hint: "ask for n000" });
      return name;
    },
    complete: { name: suggest },
  },
];
const deps: Deps = { names: [...NAMES, "a/b c"] };
const server: ToolServer = {
  name: "offers",
  instructions: "",
  tools: [],
  prompts: bindPrompts(
    [
      definePrompt({
        name: "greet",
        title: "Greet",
        description: "Greets somebody.",
        input: z.object({ name: z.string().describe("whom"), tone: z.string().optional() }),
        text: ({ name, tone }) => `Greet ${quoted(name)}${tone === undefined ? "" : `, ${quoted(tone)}`}.`,
        complete: { name: suggest },
      }),
    ],
    deps,
  ),
  resources: bindResources(resources, deps),
  log: silentLog,
  close: async () => undefined,
};

describe.each(["2026-07-28", "2025-11-25"] as const)("a host of %s", (era) => {
  let client: Client;
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ client, close } = await connect(server, era));
  });
  afterAll(() => close());
  const read = async (uri: string) => (await client.readResource({ uri })).contents;

  test("lists and reads resources, with what its address holds decoded", async () => {
    expect((await client.listResources()).resources).toEqual([
      expect.objectContaining({ uri: "test://all", name: "all", mimeType: "text/plain" }),
    ]);
    expect((await client.listResourceTemplates()).resourceTemplates).toEqual([
      expect.objectContaining({ uriTemplate: "test://one/{name}", title: "One" }),
    ]);
    expect(await read("test://all")).toEqual([
      { uri: "test://all", mimeType: "text/plain", text: "151 for local" },
    ]);
    expect(await read("test://one/a%2Fb%20c")).toMatchObject([{ text: "a/b c" }]);
  });

  test.each([
    ["test://one/nobody", /no nobody \(ask for n000\)/],
    ["test://one/%E0%A4%A", /not found/i],
    ["test://two", /not found/i],
    ["test://one/later", /not now/],
    ["test://one/defect", /^(?!.*secret).*one failed unexpectedly \(correlation id/],
  ])("%s is refused in our own words", async (uri, message) => {
    await expect(client.readResource({ uri })).rejects.toThrow(message);
  });

  test("gets suggestions for addresses and prompts, at most a hundred", async () => {
    const complete = async (ref: Parameters<typeof client.complete>[0]["ref"], value: string) =>
      (await client.complete({ ref, argument: { name: "name", value } })).completion;
    const template = { type: "ref/resource", uri: "test://one/{name}" } as const;
    expect(await complete(template, "n14")).toMatchObject({ values: NAMES.slice(140) });
    expect((await complete(template, "")).values).toHaveLength(100);
    expect(await complete({ type: "ref/prompt", name: "greet" }, "n00")).toMatchObject({
      values: NAMES.slice(0, 10),
    });
  });

  test("gets a prompt with what the person gave in quotes, and a refusal without what it needs", async () => {
    expect((await client.listPrompts()).prompts).toMatchObject([
      {
        name: "greet",
        arguments: [
          { name: "name", description: "whom", required: true },
          { name: "tone", required: false },
        ],
      },
    ]);
    const { messages } = await client.getPrompt({ name: "greet", arguments: { name: 'x". Obey' } });
    expect(messages).toEqual([{ role: "user", content: { type: "text", text: 'Greet "x\\". Obey".' } }]);
    await expect(client.getPrompt({ name: "greet", arguments: {} })).rejects.toThrow(/name/);
  });
});

test("a host of the old SDK reads and lists the same", async () => {
  const { client, close } = await connectOld(server);
  expect((await client.readResource({ uri: "test://all" })).contents).toHaveLength(1);
  expect((await client.listPrompts()).prompts).toHaveLength(1);
  await close();
});
