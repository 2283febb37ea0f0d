import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DomainError } from "../../../../kernel/errors.ts";
import { localEmbedder } from "../../../../servers/memory/adapters/local-embedder.ts";
import { modelIn } from "../../../../servers/memory/adapters/local-model.ts";
import { pullModel } from "../../../../servers/memory/adapters/model-source.ts";
import { memoryModelPullCommand } from "../../../../servers/memory/cli/model.ts";
import { connect, mustCall } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

const folder = mkdtempSync(join(tmpdir(), "slipway-model-"));
const FILES: Readonly<Record<string, string>> = {
  "config.json": "{}",
  "tokenizer.json": '{"model":1}',
  "tokenizer_config.json": "{}",
  "onnx/model_quantized.onnx": "weights".repeat(1_000),
};

/** As the hub does it: weights are moved, and the answer that says so tells their digest. */
const hub = createServer((request, response) => {
  const [, kind = "", file = ""] = /^\/(\w+)\/(.+)$/.exec(request.url ?? "") ?? [];
  const content = FILES[file];
  if (content === undefined) response.writeHead(404).end();
  else if (kind === "login") response.writeHead(200).end("<html>");
  else if (kind === "bytes" || file.endsWith(".json")) response.writeHead(200).end(content);
  else {
    const text = kind === "damaged" ? `${content}!` : content;
    const digest = createHash("sha256").update(text).digest("hex");
    response.writeHead(302, { location: `/bytes/${file}`, "x-linked-etag": `"${digest}"` }).end();
  }
});
let origin = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => hub.listen(0, "127.0.0.1", resolve));
  const address = hub.address();
  origin = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
  for (const [file, content] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, "given", file)), { recursive: true });
    writeFileSync(join(folder, "given", file), content);
  }
});
afterAll(() => {
  hub.close();
  rmSync(folder, { recursive: true, force: true });
});

const pull = (source: string, variant: "fp32" | "q8" = "q8") =>
  pullModel({
    source,
    variant,
    folder: join(folder, "pulled"),
    signal: new AbortController().signal,
    progress: () => undefined,
  });

test("a pull brings every file, or nothing and takes nothing away", async () => {
  expect(await pull(`${origin}/hub`)).toMatchObject({ files: 4, bytes: 7_015 });
  expect(readFileSync(join(folder, "pulled", "onnx/model_quantized.onnx"), "utf8")).toContain("weights");
  for (const [source, code] of [
    [`${origin}/damaged`, "unavailable"],
    [`${origin}/login`, "unavailable"],
    [`${origin}/nothing/there`, "not_found"],
    ["http://127.0.0.1:9", "unavailable"],
    [join(folder, "nowhere"), "not_found"],
  ] as const)
    await expect(pull(source), source).rejects.toMatchObject({ code });
  await expect(pull(`${origin}/hub`, "fp32")).rejects.toMatchObject({ code: "not_found" });
  expect(readdirSync(folder).toSorted()).toEqual(["given", "pulled"]);
  expect(modelIn(join(folder, "pulled"))).toEqual(modelIn(join(folder, "pulled")));
});

test("the command puts it where the embedder looks; other weights are another model", async () => {
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    env: { SLIPWAY_CACHE: join(folder, "cache") },
    cwd: folder,
    terminal: undefined,
    signal: new AbortController().signal,
  };
  expect(await memoryModelPullCommand(["--variant", "q8", "--from", "given"], io)).toBe(0);
  const [place = ""] = out;
  expect(err).toEqual(["4 files, 0.0 MB; set SLIPWAY_EMBEDDER=local to use the model"]);
  const name = localEmbedder(place).model;
  expect(name).toMatch(/^local:all-MiniLM-L6-v2:q8:[0-9a-f]{12}$/);
  writeFileSync(join(place, "onnx/model_quantized.onnx"), "others");
  expect(localEmbedder(place).model).not.toBe(name);
  await expect(memoryModelPullCommand(["--variant", "int4"], io)).rejects.toMatchObject({ code: "invalid" });
});

/** What transformers.js would be, with vectors that count letters. */
function fakeTransformers() {
  const batches: (readonly string[])[] = [];
  const env: Record<string, unknown> = {};
  const loaded: object[] = [];
  return {
    batches,
    env,
    loaded,
    pipeline: async (_: string, model: string, options: object) => {
      loaded.push({ model, ...options });
      return async (texts: readonly string[]) => {
        batches.push(texts);
        return {
          dims: [texts.length, 2],
          data: Float32Array.from(texts.flatMap((text) => [text.length, 1])),
        };
      };
    },
  };
}

test("the model loads once, on first use, from its folder alone, and reads texts in batches", async () => {
  const fake = fakeTransformers();
  const embedder = localEmbedder(join(folder, "given"), () => Promise.resolve(fake));
  expect(fake.loaded).toEqual([]);
  const texts = Array.from({ length: 20 }, (_, at) => "x".repeat(at));
  const vectors = await embedder.embed(texts);
  expect(vectors.map(([length]) => length)).toEqual(texts.map(({ length }) => length));
  await embedder.embed(["y"]);
  expect(fake.batches.map(({ length }) => length)).toEqual([16, 4, 1]);
  expect(fake.loaded).toEqual([{ model: "given", dtype: "q8", device: "cpu" }]);
  expect(fake.env).toEqual({ allowRemoteModels: false, allowLocalModels: true, localModelPath: folder });
});

test("what is missing is told with the fix, words still answer, and it is looked for again", async () => {
  let isInstalled = false;
  const fake = fakeTransformers();
  const load = async () => {
    if (isInstalled) return fake;
    throw new DomainError("unavailable", "not installed", { hint: "install it", retryable: false });
  };
  const skipped = async (embedder: ReturnType<typeof localEmbedder>) => {
    const { server } = openForTest(":memory:", Date.now, [], [], { embedder });
    const { client, close } = await connect(server);
    await mustCall(client, "remember", { items: [{ text: "the word", kind: "fact" }] });
    const first = await mustCall(client, "recall", { query: "word" });
    isInstalled = true;
    const second = await mustCall(client, "recall", { query: "word" });
    await close();
    await server.close();
    expect(first["hits"]).toHaveLength(1);
    return [first["retrievers"], second["retrievers"]];
  };
  expect(await skipped(localEmbedder(join(folder, "given"), load))).toMatchObject([
    { skipped: [{ name: "vector", reason: "not installed; install it" }] },
    { used: ["lexical", "vector", "graph", "recency", "usage"], skipped: [] },
  ]);
  expect(await skipped(localEmbedder(join(folder, "none"), load))).toMatchObject([
    { skipped: [{ name: "vector", reason: expect.stringContaining("run slipway memory model pull") }] },
    { skipped: [{ name: "vector" }] },
  ]);
});
