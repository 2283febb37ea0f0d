/** The folder of a path with slashes; "" for a file at the top. */
export function folderOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at === -1 ? "" : path.slice(0, at);
}

/** Joins two paths with slashes and resolves "." and ".."; undefined where the way leads above the top. */
export function joined(folder: string, path: string): string | undefined {
  const parts = folder === "" ? [] : folder.split("/");
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

/** A folder and those above it, nearest first; the last is "". */
export function foldersUp(folder: string): readonly string[] {
  const folders: string[] = [];
  for (let at = folder; at !== ""; at = folderOf(at)) folders.push(at);
  return [...folders, ""];
}

/** The path of an entry in a folder. */
export function within(folder: string, entry: string): string {
  return folder === "" ? entry : entry === "" ? folder : `${folder}/${entry}`;
}
