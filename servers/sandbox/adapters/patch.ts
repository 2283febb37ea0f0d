import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import { gitOutside } from "../../../kernel/git/open.ts";
import { runGit, type GitPlace } from "../../../kernel/git/run.ts";

/** One side of a changed path. */
export interface Side {
  /** As git writes it: 100644, 100755, 120000. */
  readonly mode: string;
  readonly content: Uint8Array;
}

export interface Change {
  readonly path: string;
  readonly before: Side | null;
  readonly after: Side | null;
}

export interface PatchSettings {
  /** Where git is found. */
  readonly path: string;
  /** A folder of ours for temporary repositories. */
  readonly scratch: string;
}

export interface Patch {
  readonly text: string;
  /** Added and removed lines by path; null for binary files. */
  readonly lines: ReadonlyMap<string, { readonly added: number; readonly removed: number } | null>;
}

const MAX_PATCH_BYTES = 32 * 1_048_576;

/**
 * Opens a throw-away repository and writes patches in it. What came out of the sandbox is written as git objects
 * only, so no link or name of it ever exists on the host.
 */
export async function withScratchRepository<T>(
  settings: PatchSettings,
  work: (place: GitPlace) => Promise<T>,
): Promise<T> {
  await mkdir(settings.scratch, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(settings.scratch, "patch-"));
  try {
    const place = gitOutside({ path: settings.path, home: folder, directory: folder });
    await succeed(place, gitCommand("init", ["--quiet", "--template="], { paths: ["."] }));
    return await work(place);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes the patch that turns every `before` into its `after`; byte-exact under `git apply`, and valid UTF-8. */
export async function writePatch(place: GitPlace, changes: readonly Change[]): Promise<Patch> {
  await markBinary(place, changes);
  const before = await writeTree(
    place,
    "before",
    changes.map(({ path, before: side }) => ({ path, side })),
  );
  const after = await writeTree(
    place,
    "after",
    changes.map(({ path, after: side }) => ({ path, side })),
  );
  const revisions = [before, after];
  const patch = await runGit(
    place,
    gitCommand("diff_tree", ["--patch", "-r", "--binary", "--full-index", "--no-renames"], { revisions }),
    { maxBytes: MAX_PATCH_BYTES },
  );
  if (patch.truncated)
    throw new DomainError("limit", `the patch is larger than ${MAX_PATCH_BYTES} bytes`, {
      hint: "delete build output from the workspace, then export again",
    });
  if (patch.code !== 0) throw new Error(`git diff-tree: ${patch.stderr}`);
  const numbers = await succeed(
    place,
    gitCommand("diff_tree", ["--numstat", "-z", "-r", "--no-renames"], { revisions }),
  );
  return {
    text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(patch.stdout),
    lines: parseNumbers(numbers),
  };
}

/** Which of the paths the tree's own ignore files leave out of a commit. */
export async function findIgnored(
  place: GitPlace,
  ignoreFiles: readonly { readonly path: string; readonly content: Uint8Array }[],
  paths: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ignoreFiles.length === 0 || paths.length === 0) return new Set();
  for (const { path, content } of ignoreFiles) {
    await mkdir(dirname(join(place.directory, path)), { recursive: true });
    await writeFile(join(place.directory, path), content);
  }
  // This verb refuses literal pathspecs; with "./" in front no name is taken for pathspec magic, and it prints names as given.
  const { code, stdout, stderr } = await runGit(
    place,
    gitCommand("check_ignore", ["-z", "--stdin", "--no-index"]),
    {
      input: paths.map((path) => `./${path}\0`).join(""),
      env: { GIT_LITERAL_PATHSPECS: "0" },
    },
  );
  // 1 says that none is ignored.
  if (code !== 0 && code !== 1) throw new Error(`git check-ignore: ${stderr}`);
  return new Set(
    stdout
      .toString("utf8")
      .split("\0")
      .filter((path) => path !== "")
      .map((path) => path.slice(2)),
  );
}

/** Text that is not UTF-8 would be damaged on its way through JSON, so git is told to carry it as binary. */
async function markBinary(place: GitPlace, changes: readonly Change[]): Promise<void> {
  const isText = (side: Side | null): boolean => {
    try {
      if (side !== null) new TextDecoder("utf-8", { fatal: true }).decode(side.content);
      return true;
    } catch {
      return false;
    }
  };
  const lines = changes
    .filter(({ before, after }) => !isText(before) || !isText(after))
    .map(({ path }) => `${attributePattern(path)} -diff\n`);
  await mkdir(join(place.directory, ".git", "info"), { recursive: true });
  await writeFile(join(place.directory, ".git", "info", "attributes"), lines.join(""));
}

/** A pattern that matches exactly this path. Source: gitattributes(5): patterns in quotes use C-style escapes. */
function attributePattern(path: string): string {
  const literal = `/${path}`.replaceAll(/[\\*?[\]]/g, "\\$&");
  return `"${literal.replaceAll(/[\\"]/g, "\\$&")}"`;
}

const compress = promisify(deflate);

async function writeTree(
  place: GitPlace,
  index: string,
  sides: readonly { readonly path: string; readonly side: Side | null }[],
): Promise<string> {
  const lines: string[] = [];
  for (const { path, side } of sides) {
    if (side !== null) lines.push(`${side.mode} ${await writeBlob(place, side.content)}\t${path}\0`);
  }
  const env = { GIT_INDEX_FILE: join(place.directory, ".git", `index-${index}`) };
  if (lines.length > 0)
    await succeed(place, gitCommand("update_index", ["-z", "--index-info"]), { input: lines.join(""), env });
  else await succeed(place, gitCommand("read_tree", ["--empty"]), { env });
  return (await succeed(place, gitCommand("write_tree"), { env })).toString("latin1").trim();
}

/** Writes a loose object ourselves: one process per file would take milliseconds each. Source: git-book, "Git Objects". */
async function writeBlob(place: GitPlace, content: Uint8Array): Promise<string> {
  const object = Buffer.concat([Buffer.from(`blob ${content.length}\0`), content]);
  const id = createHash("sha1").update(object).digest("hex");
  const file = join(place.directory, ".git", "objects", id.slice(0, 2), id.slice(2));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, await compress(object, { level: 1 }));
  return id;
}

async function succeed(
  place: GitPlace,
  command: Parameters<typeof runGit>[1],
  options?: Parameters<typeof runGit>[2],
): Promise<Buffer> {
  const { code, stdout, stderr } = await runGit(place, command, options);
  if (code !== 0) throw new Error(`git ${command.verb}: ${stderr}`);
  return stdout;
}

function parseNumbers(output: Buffer): Patch["lines"] {
  const lines = new Map<string, { added: number; removed: number } | null>();
  for (const record of output.toString("utf8").split("\0")) {
    const match = /^(\d+|-)\t(\d+|-)\t(.+)$/s.exec(record);
    if (match === null) continue;
    const [, added, removed, path = ""] = match;
    lines.set(path, added === "-" ? null : { added: Number(added), removed: Number(removed) });
  }
  return lines;
}
