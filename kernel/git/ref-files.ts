import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";

const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** Plain names only: whatever else a name may be is git's to judge. */
const BRANCH = /^refs\/heads\/[\w-]+(?:[./]?[\w-]+)*$/;

interface RefFolders {
  readonly gitDir: string;
  readonly commonDir: string;
}

/**
 * The ref that HEAD stands for, or "HEAD" when it is detached, read from its file. Undefined where git has to be asked:
 * it keeps its refs in another way, or the file holds something unusual.
 */
export async function readHeadFile({ gitDir, commonDir }: RefFolders): Promise<string | undefined> {
  const text = await read(join(gitDir, "HEAD"));
  if (text === undefined || (await exists(join(commonDir, "reftable")))) return undefined;
  if (OBJECT_ID.test(text.trimEnd())) return "HEAD";
  const ref = /^ref: (\S+)\n$/.exec(text)?.[1];
  return ref !== undefined && BRANCH.test(ref) ? ref : undefined;
}

/**
 * The object id of HEAD or of a branch by its full name, as its file has it; null where there is no such branch.
 * Undefined where git has to be asked.
 */
export async function readRefFile(folders: RefFolders, ref: string): Promise<string | null | undefined> {
  if (ref === "HEAD") {
    const target = await readHeadFile(folders);
    if (target === undefined) return undefined;
    if (target !== "HEAD") return readRefFile(folders, target);
    return (await read(join(folders.gitDir, "HEAD")))?.trimEnd();
  }
  if (!BRANCH.test(ref) || (await exists(join(folders.commonDir, "reftable")))) return undefined;
  const file = join(folders.commonDir, ref);
  const kind = await lstat(file).catch(() => undefined);
  if (kind !== undefined) {
    const id = kind.isFile() ? (await read(file))?.trimEnd() : undefined;
    return id !== undefined && OBJECT_ID.test(id) ? id : undefined;
  }
  // A ref that is packed meanwhile is in the packed file before its own file goes. Source: git-pack-refs(1).
  return (await exists(join(folders.commonDir, "packed-refs"))) ? undefined : null;
}

/**
 * The object id of the branch that a short name stands for, as its file has it. Undefined where git has to be asked, as
 * it does where something that git looks for first has the name too. Source: gitrevisions(7), the order of refnames.
 */
export async function readBranchFile(folders: RefFolders, name: string): Promise<string | undefined> {
  const ref = `refs/heads/${name}`;
  if (!BRANCH.test(ref)) return undefined;
  const earlier = await Promise.all(
    [
      join(folders.gitDir, name),
      join(folders.commonDir, name),
      join(folders.commonDir, "refs", name),
      join(folders.commonDir, "refs/tags", name),
      join(folders.commonDir, "packed-refs"),
    ].map(exists),
  );
  return earlier.includes(true) ? undefined : ((await readRefFile(folders, ref)) ?? undefined);
}

function read(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch(() => undefined);
}

function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}
