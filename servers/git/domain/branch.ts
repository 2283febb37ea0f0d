/**
 * Why a name cannot be a branch, or undefined when it can.
 * Source: git-check-ref-format(1); names that only some file systems take are refused as well.
 */
export function refuseBranchName(name: string): string | undefined {
  if (name === "" || name.length > 200) return "it is empty or longer than 200 characters";
  if (name.startsWith("-")) return "it starts with '-'";
  if (name === "HEAD" || name === "@" || name.startsWith("refs/")) return "git uses this name itself";
  if (/[\u0000-\u0020\u007f~^:?*[\\]/.test(name) || /[\p{Cf}\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(name)) {
    return "it holds a space, a control character or one of ~ ^ : ? * [ \\";
  }
  if (name.includes("..") || name.includes("@{") || name.includes("//")) return "it holds '..', '//' or '@{'";
  if (name.startsWith("/") || name.endsWith("/") || name.endsWith("."))
    return "it starts or ends with '/' or ends with '.'";
  if (name.split("/").some((part) => part.startsWith(".") || part.endsWith(".lock")))
    return "a part starts with '.' or ends with '.lock'";
  return undefined;
}

/** The existing branch that leaves no room for a new one: only case differs, or one would be the other's folder. */
export function clashingBranch(name: string, existing: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  for (const other of existing) {
    const known = other.toLowerCase();
    if (known === wanted || known.startsWith(`${wanted}/`) || wanted.startsWith(`${known}/`)) return other;
  }
  return undefined;
}
