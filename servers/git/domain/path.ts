// Git keeps file names as bytes. Inside we hold them as "binary" strings, one character per byte, which lose nothing
// and compare fast; only what leaves the server becomes text.

/** A file name as git has it: one character (U+0000 to U+00FF) per byte. */
export type GitPath = string;

/**
 * The name as shown to callers: plain where it is printable UTF-8, else in double quotes with escapes as git itself
 * writes them. A quoted name cannot be given back to a tool.
 */
export function showPath(path: GitPath): string {
  const text = decodeUtf8(path);
  return text !== undefined && isPlain(text) ? text : quote(path);
}

/** The name a caller gave, as git has it. */
export function gitPath(text: string): GitPath {
  return binary(new TextEncoder().encode(text));
}

/** Bytes as a string with one character each. */
export function binary(bytes: Uint8Array): GitPath {
  let text = "";
  // In slices, because a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

function decodeUtf8(path: GitPath): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(path, (char) => char.charCodeAt(0)),
    );
  } catch {
    return undefined;
  }
}

// Controls, direction marks and characters without a picture would let a name look like another.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}\p{Cs}]/u;

/** Whether a name holds nothing that a reader would not see. */
export function isPlain(text: string): boolean {
  return !UNPRINTABLE.test(text) && !text.startsWith('"');
}

function quote(path: GitPath): string {
  const escaped = path.replace(/[^ -~]|["\\]/g, (char) =>
    char === '"' || char === "\\" ? `\\${char}` : `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
  return `"${escaped}"`;
}

/** Why a path given by a caller may not be committed, or undefined when it may. Judged by its text alone. */
export function refusePath(path: string): string | undefined {
  if (path === "") return "is empty";
  if (path.length > 4096) return "is too long";
  if (!path.isWellFormed() || !isPlain(path)) return "holds characters that cannot be seen";
  if (path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path))
    return "is absolute; give it relative to the worktree";
  for (const segment of path.split(/[\\/]/)) {
    if (segment === "..") return "climbs out of the worktree";
    // Windows and macOS drop trailing dots and spaces and know git~1: names that become .git there are refused here.
    if (/^(?:\.git|git~\d+)[. ]*(?::.*)?$/i.test(segment)) return "is inside the .git folder";
  }
  return undefined;
}
