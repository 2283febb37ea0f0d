import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Command } from "../../../../kernel/io.ts";
import {
  chromaProgram,
  chromaVectors,
  runningChroma,
  startChroma,
  type ChromaChild,
} from "../../../../servers/memory/index.ts";
import { chromaOf } from "../../../../servers/memory/adapters/chroma-server.ts";
import { memoryCheckCommand } from "../../../../servers/memory/cli/check.ts";
import { memoryEmbedCommand } from "../../../../servers/memory/cli/embed.ts";
import { connect, mustCall } from "../../../support/connect.ts";
import { embeddingEndpoint } from "../../../support/embedding-endpoint.ts";
import { isAlive } from "../../../support/processes.ts";
import { requirement } from "../../../support/skip.ts";
import { openForTest } from "../open-memory.ts";
import { vectorIndexConformance } from "./vector-conformance.ts";

const cli = process.env["SLIPWAY_TEST_CHROMA"] ?? "";
const needed = requirement("Chroma", existsSync(cli), "SLIPWAY_TEST_CHROMA names no chromadb/dist/cli.mjs");

describe.skipIf(needed.skip)(`Chroma${needed.label}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-chroma-"));
  let child: ChromaChild;
  let last = 0;
  beforeAll(async () => {
    child = await startChroma(cli, folder);
  }, 60_000);
  afterAll(async () => {
    await child.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const open = (collection: string, dimension = 12) =>
    chromaVectors({ server: { address: async () => child.address }, collection, dimension });

  vectorIndexConformance("chroma", async () => {
    last += 1;
    return { index: open(`conformance-${last}`), close: () => Promise.resolve() };
  });

  test("what was put is there for the next one, with its mark; a cleared one is new for all", async () => {
    const [one, other] = [open("shared", 2), open("shared", 2)];
    await one.put([{ n: 7, values: Float32Array.of(0, 1) }], 41);
    expect(await other.mark()).toBe(41);
    expect(await other.nearest(Float32Array.of(0, 1), 3, () => true)).toMatchObject([{ n: 7 }]);
    await one.clear();
    expect(await one.mark()).toBe(0);
    expect(await one.size()).toBe(0);
    expect(await other.mark()).toBe(0);
    expect(await other.size()).toBe(0);
  });

  test("the check looks every vector up, and a repair fills Chroma from the store", async () => {
    const endpoint = await embeddingEndpoint();
    const env = {
      SLIPWAY_EMBEDDER: "openai:words-8",
      OPENAI_BASE_URL: endpoint.baseUrl,
      CHROMA_URL: child.address,
    };
    const home = join(folder, "store");
    mkdirSync(home);
    const { server, store } = openForTest(join(home, "memory.db"));
    const open = await connect(server);
    const items = ["a soup", "an automobile", "the word"].map((text) => ({ text, kind: "fact" }));
    await mustCall(open.client, "remember", { items });
    const { id } = await store.read((tx) => tx.vectorState(""));
    await open.close();
    await server.close();
    const run = async (command: Command, ...argv: readonly string[]) => {
      const out: string[] = [];
      const io = { out: (line: string) => void out.push(line), err: () => undefined, env, cwd: home };
      const code = await command([...argv, "--home", home], {
        ...io,
        terminal: undefined,
        signal: new AbortController().signal,
      });
      return [code, ...out];
    };
    expect(await run(memoryEmbedCommand)).toEqual([0, "3"]);
    expect(await run(memoryCheckCommand)).toEqual([0]);
    const name = createHash("sha256").update("openai:words-8").digest("hex").slice(0, 16);
    await chromaVectors({
      server: { address: async () => child.address },
      collection: `slipway-${id}-${name}`,
      dimension: 8,
    }).drop([2]);
    expect(await run(memoryCheckCommand)).toEqual([1, "Chroma does not find 1 vectors"]);
    expect(await run(memoryCheckCommand, "--repair")).toEqual([0]);
    expect(await run(memoryCheckCommand)).toEqual([0]);
    await endpoint.close();
  });

  test("a second server on the folder is refused, and joins the first where it only wants one", async () => {
    await expect(startChroma(cli, folder)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining(`by process ${process.pid}`),
    });
    expect(runningChroma(folder)).toBe(child.address);
    const joined = chromaOf(folder, () => cli);
    expect(await joined.address()).toBe(child.address);
    await joined.close();
    expect(child.isAlive()).toBe(true);
  });

  test("it ends with the process that started it, however that ends, and the folder is free", async () => {
    const own = join(folder, "own");
    const owner = spawn(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `const { startChroma } = await import(${JSON.stringify(new URL("../../../../servers/memory/adapters/chroma-child.ts", import.meta.url).href)});
         console.log((await startChroma(${JSON.stringify(cli)}, ${JSON.stringify(own)})).pid); setInterval(() => undefined, 1000);`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const pid = await new Promise<number>((resolve) =>
      owner.stdout.once("data", (text) => resolve(Number(text))),
    );
    owner.kill("SIGKILL");
    await gone(pid);
    const next = await startChroma(cli, own);
    expect(next.isAlive()).toBe(true);
    await next.close();
    await gone(next.pid);
  }, 60_000);
});

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await pause(20);
}

test("where the package is missing, the fix is told; what answers as something else is no Chroma", async () => {
  expect(() => chromaProgram()).toThrow(
    expect.objectContaining({ code: "unavailable", hint: expect.stringContaining("npm install chromadb") }),
  );
  const other = createServer((_, response) => response.end("{}"));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  for (const at of [`http://127.0.0.1:${port}`, "http://127.0.0.1:9"])
    await expect(
      chromaVectors({ server: { address: async () => at }, collection: "none", dimension: 2 }).mark(),
    ).rejects.toMatchObject({ code: "unavailable", hint: expect.stringContaining("CHROMA_URL") });
  other.close();
});
