import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import type Docker from "dockerode";
import type { Pack } from "tar-stream";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { WORKSPACE } from "../domain/workspace-path.ts";

/** The image of template `node`: this machine's Node binary, busybox and setpriv, made here, from no registry. */
export interface NodeImage {
  /** @throws {DomainError} unavailable when this machine lacks a part of it. */
  check(): Promise<void>;
  /** Gives the image's tag, and builds it first where the daemon lacks it. */
  ensure(docker: Docker, progress: (message: string) => void): Promise<string>;
}

export interface NodeImageSettings {
  /** The Node binary to put in. */
  readonly node: string;
  /** An unguessable word. */
  readonly nonce: () => string;
  /** The folder of the npm package to put in; null for none. */
  readonly npm: () => string | null;
  /** Where busybox may be. */
  readonly busybox: readonly string[];
  /** Where setpriv of util-linux may be; that of busybox cannot do what it is needed for. */
  readonly setpriv: readonly string[];
}

/** Raised with every change to what the image holds. */
const RECIPE = 3;

interface File {
  readonly path: string;
  readonly source: string;
  readonly mode: number;
  readonly digest: string;
}

const REPOSITORY = "slipway/node";
const RECIPE_LABEL = "slipway.recipe";
const NPM_FOLDER = "/lib/node_modules/npm";

const NpmManifest = z.object({ version: z.string() });

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
    return { tag: `${REPOSITORY}:${hash.slice(0, 12)}`, hash, files };
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
        await importRootFs(docker, { tag, draft: `${REPOSITORY}:draft-${settings.nonce()}`, hash, files });
        await removeOld(docker);
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

/** Imports under a name of its own first: of several processes that build at once, one image stays. */
async function importRootFs(
  docker: Docker,
  image: {
    readonly tag: string;
    readonly draft: string;
    readonly hash: string;
    readonly files: readonly File[];
  },
): Promise<void> {
  const { pack } = await import("tar-stream");
  const archive = pack();
  const changes = ["ENV PATH=/bin", `WORKDIR ${WORKSPACE}`, `LABEL ${RECIPE_LABEL}=${image.hash}`];
  // Both sides run at once: the daemon reads while we write.
  const [, answer] = await Promise.all([
    writeRootFs(archive, image.files),
    docker.importImage(Readable.from(archive), { ...nameOf(image.draft), changes }),
  ]);
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(answer, (error) => (error === null ? resolve() : reject(error)));
  });
  const draft = docker.getImage(image.draft);
  if (!(await hasImage(docker, image.tag))) await draft.tag(nameOf(image.tag));
  await draft.remove();
}

function nameOf(image: string): { readonly repo: string; readonly tag: string } {
  const [repo = "", tag = ""] = image.split(":");
  return { repo, tag };
}

const KEPT_IMAGES = 3;

/** Removes images of earlier recipes, but for the newest few: other versions of Node may be in use beside this one. */
async function removeOld(docker: Docker): Promise<void> {
  const images = await docker.listImages({ filters: { label: [RECIPE_LABEL] } });
  const old = images.sort((a, b) => b.Created - a.Created).slice(KEPT_IMAGES);
  // What a container still runs on is refused, and stays.
  for (const { Id } of old)
    await docker
      .getImage(Id)
      .remove()
      .catch(() => undefined);
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
      archive.entry({ name: file.path.slice(1), mode: file.mode, size, mtime }),
    );
  }
  if (files.some((file) => file.path.startsWith(`${NPM_FOLDER}/`))) {
    for (const name of ["npm", "npx"])
      archive.entry({
        name: `bin/${name}`,
        type: "symlink",
        linkname: `..${NPM_FOLDER}/bin/${name}-cli.js`,
        mtime,
      });
  }
  for (const applet of await applets(files)) {
    if (files.some((file) => file.path === `/bin/${applet}`)) continue;
    archive.entry({ name: `bin/${applet}`, type: "symlink", linkname: "busybox", mtime });
  }
  archive.finalize();
}

async function applets(files: readonly File[]): Promise<readonly string[]> {
  const busybox = files.find((file) => file.path === "/bin/busybox");
  const { stdout } = await run(busybox?.source ?? "busybox", ["--list"]);
  return stdout.split("\n").filter((name) => /^[a-z0-9._[-]+$/.test(name) && name !== "busybox");
}

async function collect({ node, busybox, setpriv, npm }: NodeImageSettings): Promise<readonly File[]> {
  if (process.platform !== "linux") {
    throw new DomainError("unavailable", "the image node can only be built on Linux", {
      hint: "build it on a Linux machine with the same daemon",
      retryable: false,
    });
  }
  const sources = new Map([
    ["/bin/node", await realpath(node)],
    ["/bin/busybox", await realpath(installed("busybox", busybox, "busybox-static"))],
    ["/bin/setpriv", await realpath(installed("setpriv", setpriv, "util-linux"))],
  ]);
  for (const program of [...sources.values()]) {
    for (const library of await librariesOf(program)) sources.set(library, await realpath(library));
  }
  const programs = await Promise.all(
    [...sources].map(async ([path, source]) => ({
      path,
      source,
      mode: 0o755,
      digest: await digestFile(createReadStream(source)),
    })),
  );
  const root = npm();
  const all = root === null ? programs : [...programs, ...(await npmFiles(root))];
  return all.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function installed(program: string, places: readonly string[], debianPackage: string): string {
  const found = places.find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new DomainError("unavailable", `the image node needs ${program}, which is not installed`, {
    hint: `install the Debian package ${debianPackage}`,
    retryable: false,
  });
}

/** npm as installed here, without its manuals. Two thousand files are told apart by version, name and size. */
async function npmFiles(root: string): Promise<readonly File[]> {
  const { version } = NpmManifest.parse(JSON.parse(await readFile(join(root, "package.json"), "utf8")));
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((source) => !["docs", "man"].includes(relative(root, source).split("/")[0] ?? ""))
      .map(async (source) => {
        const { size, mode } = await stat(source);
        const digest = createHash("sha256")
          .update(JSON.stringify([version, relative(root, source), size]))
          .digest("hex");
        return {
          path: join(NPM_FOLDER, relative(root, source)),
          source,
          mode: (mode & 0o111) === 0 ? 0o644 : 0o755,
          digest,
        };
      }),
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
