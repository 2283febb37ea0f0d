import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { afterAll, describe, expect, test } from "vitest";
import type { Io } from "../../../kernel/io.ts";
import { nodeImage } from "../../../servers/sandbox/adapters/node-image.ts";
import { imageBuildCommand } from "../../../servers/sandbox/cli/image-build.ts";
import { candidates, nonce } from "./backends.ts";

const cwd = mkdtempSync(join(tmpdir(), "slipway-image-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

function io(
  env: Record<string, string | undefined> = {},
): Io & { readonly printed: string[]; readonly told: string[] } {
  const printed: string[] = [];
  const told: string[] = [];
  return {
    printed,
    told,
    out: (line) => printed.push(line),
    err: (line) => told.push(line),
    env: { DOCKER_HOST: process.env["DOCKER_HOST"], ...env },
    cwd,
    terminal: undefined,
    signal: new AbortController().signal,
  };
}

test("only the image node can be built", async () => {
  await expect(imageBuildCommand(["python"], io())).rejects.toMatchObject({ code: "invalid" });
  await expect(imageBuildCommand([], io())).rejects.toMatchObject({ code: "invalid" });
  await expect(imageBuildCommand(["node", "--force"], io())).rejects.toMatchObject({ code: "invalid" });
});

const PARTS = {
  busybox: ["/usr/bin/busybox", "/bin/busybox"],
  setpriv: ["/usr/bin/setpriv", "/bin/setpriv"],
};

test.each([
  ["busybox", "busybox-static"],
  ["setpriv", "util-linux"],
])("without %s it names the package to install", async (part, debianPackage) => {
  // What is there is any file here: only what is missing is told.
  const there = { busybox: [process.execPath], setpriv: [process.execPath], [part]: [`/nowhere/${part}`] };
  const image = nodeImage({ node: process.execPath, npm: () => null, nonce: () => "x", ...there });
  await expect(image.check()).rejects.toMatchObject({
    code: "unavailable",
    hint: expect.stringContaining(debianPackage),
  });
});

const docker = (await candidates()).find(({ name }) => name === "docker");

describe.skipIf(docker?.need.skip ?? true)(`with Docker${docker?.need.label ?? ""}`, () => {
  test("without a daemon it says so and writes nothing", async () => {
    await expect(
      imageBuildCommand(["node"], io({ DOCKER_HOST: "unix:///nowhere/docker.sock" })),
    ).rejects.toMatchObject({ code: "unavailable", hint: expect.stringContaining("DOCKER_HOST") });
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("the image is built once, labelled with its recipe, and found again", async () => {
    const client = new Docker();
    const first = io();
    expect(await imageBuildCommand(["node"], first)).toBe(0);
    const [tag = ""] = first.printed;
    expect(tag).toMatch(/^slipway\/node:[0-9a-f]{12}$/);
    const { Config, Id } = await client.getImage(tag).inspect();
    expect(Config.Labels["slipway.recipe"]).toMatch(new RegExp(`^${tag.slice(-12)}`));
    const second = io();
    await imageBuildCommand(["node"], second);
    expect(second.told).toEqual([]);
    expect((await client.getImage(second.printed[0] ?? "").inspect()).Id).toBe(Id);
  }, 60_000);

  test("processes that build at once end with one image", async () => {
    const client = new Docker();
    const files = mkdtempSync(join(cwd, "tool-"));
    // A program of its own makes a recipe nobody else builds.
    const node = join(files, "node");
    writeFileSync(node, `#!/bin/sh\n# ${nonce()}\n`, { mode: 0o755 });
    const open = (): ReturnType<typeof nodeImage> => nodeImage({ node, npm: () => null, nonce, ...PARTS });
    const [one, two] = [open(), open()];
    const tags = await Promise.all([
      one.ensure(client, () => undefined),
      two.ensure(client, () => undefined),
      one.ensure(client, () => undefined),
    ]);
    expect(new Set(tags).size).toBe(1);
    const { Config } = await client.getImage(tags[0]).inspect();
    const made = await client.listImages({
      filters: { label: [`slipway.recipe=${Config.Labels["slipway.recipe"] ?? ""}`] },
    });
    expect(made.map(({ RepoTags }) => RepoTags)).toEqual([[tags[0]]]);
    await client.getImage(tags[0]).remove();
  });
});
