import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import type Docker from "dockerode";
import type { Pack } from "tar-stream";
import { DomainError } from "../../../kernel/errors.ts";
import { WORKSPACE } from "../domain/workspace-path.ts";

/** The image of template `node`: this machine's Node binary and busybox, made here, from no registry. */
export interface NodeImage {
  /** @throws {DomainError} unavailable when this machine lacks a part of it. */
  check(): Promise<void>;
  /** Gives the image's tag, and builds it first where the daemon lacks it. */
  ensure(docker: Docker, progress: (message: string) => void): Promise<string>;
}

export interface NodeImageSettings {
  /** The Node binary to put in. */
  readonly node: string;
  /** Where busybox may be. */
  readonly busybox: readonly string[];
}

/** Raised with every change to what the image holds. */
const RECIPE = 1;
const BUILD_HINT = "install the Debian package busybox-static";

interface File {
  readonly path: string;
  readonly source: string;
  readonly digest: string;
}

const run = promisify(execFile);

export function nodeImage(settings: NodeImageSettings): NodeImage {
  let recipe:
    | Promise<{ readonly tag: string; readonly hash: string; readonly files: readonly File[] }>
    | undefined;
  let building: Promise<void> | undefined;
  const plan = async (): Promise<{
    readonly tag: string;
    readonly hash: string;
    readonly files: readonly File[];
  }> => {
    const files = await collect(settings);
    const hash = createHash("sha256")
      .update(JSON.stringify([RECIPE, files.map((file) => [file.path, file.digest])]))
      .digest("hex");
    return { tag: `slipway/node:${hash.slice(0, 12)}`, hash, files };
  };
  const known = (): ReturnType<typeof plan> => {
    const planned = (recipe ??= plan());
    // A failure is not remembered: what is missing may be installed while the server runs.
    planned.catch(() => (recipe = undefined));
    return planned;
  };
  return {
    async check() {
      await known();
    },
    async ensure(docker, progress) {
      const { tag, hash, files } = await known();
      if (await hasImage(docker, tag)) return tag;
      // Sandboxes made at the same time wait for one build.
      building ??= (async () => {
        progress(`building the image ${tag}`);
        await importRootFs(docker, tag, hash, files);
        progress(`built the image ${tag}`);
      })().finally(() => (building = undefined));
      await building;
      return tag;
    },
  };
}

async function hasImage(docker: Docker, tag: string): Promise<boolean> {
  try {
    await docker.getImage(tag).inspect();
    return true;
  } catch (error) {
    if (error instanceof Error && "statusCode" in error && error.statusCode === 404) return false;
    throw error;
  }
}

async function importRootFs(
  docker: Docker,
  tag: string,
  hash: string,
  files: readonly File[],
): Promise<void> {
  const { pack } = await import("tar-stream");
  const archive = pack();
  const [repo = "", version = ""] = tag.split(":");
  const changes = ["ENV PATH=/bin", `WORKDIR ${WORKSPACE}`, `LABEL slipway.recipe=${hash}`];
  const written = writeRootFs(archive, files);
  // Both sides run at once: the daemon reads while we write.
  const [, answer] = await Promise.all([
    written,
    docker.importImage(Readable.from(archive), { repo, tag: version, changes }),
  ]);
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(answer, (error) => (error === null ? resolve() : reject(error)));
  });
}

async function writeRootFs(archive: Pack, files: readonly File[]): Promise<void> {
  const folders = new Set(["bin", "etc", "usr", "proc", "sys", "dev", "tmp", WORKSPACE.slice(1)]);
  for (const file of files) {
    for (let at = file.path.indexOf("/", 1); at > 0; at = file.path.indexOf("/", at + 1))
      folders.add(file.path.slice(1, at));
  }
  const mtime = new Date(0);
  for (const name of [...folders].sort())
    archive.entry({ name, type: "directory", mode: name === "tmp" ? 0o1777 : 0o755, mtime });
  for (const name of ["sbin", "usr/bin", "usr/sbin"])
    archive.entry({ name, type: "symlink", linkname: "/bin", mtime });
  archive.entry(
    { name: "etc/passwd", mode: 0o644, mtime },
    `root:x:0:0:root:/:/bin/false\nsandbox:x:1000:1000:sandbox:${WORKSPACE}:/bin/sh\n`,
  );
  archive.entry({ name: "etc/group", mode: 0o644, mtime }, "root:x:0:\nsandbox:x:1000:\n");
  archive.entry({ name: "etc/hosts", mode: 0o644, mtime }, "127.0.0.1 localhost\n::1 localhost\n");
  for (const file of files) {
    const { size } = await stat(file.source);
    await pipeline(
      createReadStream(file.source),
      archive.entry({ name: file.path.slice(1), mode: 0o755, size, mtime }),
    );
  }
  for (const applet of await applets(files))
    archive.entry({ name: `bin/${applet}`, type: "symlink", linkname: "busybox", mtime });
  archive.finalize();
}

async function applets(files: readonly File[]): Promise<readonly string[]> {
  const busybox = files.find((file) => file.path === "/bin/busybox");
  const { stdout } = await run(busybox?.source ?? "busybox", ["--list"]);
  return stdout.split("\n").filter((name) => /^[a-z0-9._[-]+$/.test(name) && name !== "busybox");
}

async function collect({ node, busybox }: NodeImageSettings): Promise<readonly File[]> {
  const shell = busybox.find((file) => existsSync(file));
  if (process.platform !== "linux") {
    throw new DomainError("unavailable", "the image node can only be built on Linux", {
      hint: "build it on a Linux machine with the same daemon",
      retryable: false,
    });
  }
  if (shell === undefined)
    throw new DomainError("unavailable", "the image node needs busybox, which is not installed", {
      hint: BUILD_HINT,
      retryable: false,
    });
  const sources = new Map([
    ["/bin/node", await realpath(node)],
    ["/bin/busybox", await realpath(shell)],
  ]);
  for (const program of [...sources.values()]) {
    for (const library of await librariesOf(program)) sources.set(library, await realpath(library));
  }
  return Promise.all(
    [...sources]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(async ([path, source]) => ({ path, source, digest: await digestFile(createReadStream(source)) })),
  );
}

/** The shared libraries a program is linked with, the loader included; none for a static one. */
async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await run("ldd", [program]).catch(() => ({ stdout: "" }));
  return [...stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map((match) => match[1] ?? "");
}

async function digestFile(content: Readable): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(content, hash);
  return hash.digest("hex");
}
