import { DomainError } from "../../../kernel/errors.ts";
import { isInnerLink, workspacePath } from "../domain/workspace-path.ts";

/** A file, link or folder on its way into a sandbox, or out of it. Paths are relative to the workspace. */
export type Entry =
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "folder"; readonly path: string; readonly mode: number };

/** What comes out may also be a second name of a file that came before. */
export type ReadEntry = Entry | { readonly kind: "same"; readonly path: string; readonly as: string };

/** Writes an archive of entries whose paths are checked already. Owner, setuid bits and devices cannot be expressed. */
export async function writeArchive(entries: Iterable<Entry>, mtime: Date): Promise<Buffer> {
  // Loaded with the first archive: a server that only waits does without.
  const { pack } = await import("tar-stream");
  const archive = pack();
  const bytes = collect(archive);
  for (const entry of entries) {
    // The leading "./" keeps a name that starts with a dash a name.
    const name = `./${entry.path}`;
    if (entry.kind === "file")
      archive.entry({ name, mode: entry.mode & 0o777, mtime }, Buffer.from(entry.content));
    else if (entry.kind === "link")
      archive.entry({ name, type: "symlink", linkname: entry.target, mode: 0o777, mtime });
    else archive.entry({ name, type: "directory", mode: entry.mode & 0o777, mtime });
  }
  archive.finalize();
  return bytes;
}

async function collect(source: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export interface ArchiveLimits {
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Larger files are named as skipped. */
  readonly maxFileBytes: number;
}

/** Takes an archive that a sandbox wrote, chunk by chunk. */
export interface ArchiveReader {
  /** Hands on a chunk; false once the archive is refused, and nothing more is wanted. */
  push(chunk: Uint8Array): boolean;
  /** @throws {DomainError} limit when it is too large, invalid when it is not a sound archive. */
  finish(): Promise<{ readonly skipped: readonly { readonly path: string; readonly reason: string }[] }>;
}

/**
 * Reads an archive as hostile input: clean paths inside the workspace, regular files and inner links only, bounded
 * in size and number. What a tree may hold but an export does not carry is reported as skipped, by path and reason.
 */
export async function readArchive(
  limits: ArchiveLimits,
  onEntry: (entry: ReadEntry) => void,
): Promise<ArchiveReader> {
  const { extract } = await import("tar-stream");
  const parser = extract();
  const skipped: { path: string; reason: string }[] = [];
  const files = new Set<string>();
  let bytes = 0;
  let entries = 0;
  let failure: DomainError | undefined;
  const fail = (error: DomainError): void => {
    failure ??= error;
    parser.destroy();
  };
  const ended = new Promise<void>((resolve) => {
    parser.once("finish", () => resolve());
    parser.on("error", () => {
      failure ??= unsound();
      resolve();
    });
    parser.once("close", () => resolve());
  });
  parser.on("entry", (header, stream, next) => {
    entries += 1;
    // An archive that ends inside a file fails both streams; unheard, it would end this process.
    stream.on("error", () => {
      failure ??= unsound();
    });
    const path = cleanPath(header.name);
    const size = header.size ?? 0;
    if (entries > limits.maxEntries) fail(tooLarge(`more than ${limits.maxEntries} files`));
    const done = (): void => {
      stream.once("end", () => next());
      stream.resume();
    };
    if (path === null) {
      skipped.push({
        path: header.name.slice(0, 200),
        reason: "its name holds characters that are not carried",
      });
      return done();
    }
    const mode = (header.mode ?? 0o644) & 0o777;
    const type = header.type ?? "file";
    if (type === "directory") {
      if (path !== ".") onEntry({ kind: "folder", path, mode });
      return done();
    }
    if (type === "symlink") {
      const target = header.linkname ?? "";
      if (isInnerLink(path, target)) onEntry({ kind: "link", path, target });
      else skipped.push({ path, reason: "a link that leads outside the workspace" });
      return done();
    }
    if (type === "link") {
      const as = cleanPath(header.linkname ?? "") ?? "";
      if (files.has(as)) onEntry({ kind: "same", path, as });
      else skipped.push({ path, reason: "a hard link without its file" });
      return done();
    }
    if (type !== "file" && type !== "contiguous-file") {
      skipped.push({ path, reason: "not a regular file" });
      return done();
    }
    if (size > limits.maxFileBytes) {
      skipped.push({ path, reason: `larger than ${limits.maxFileBytes} bytes` });
      return done();
    }
    const chunks: Uint8Array[] = [];
    stream.on("data", (chunk: unknown) => void (chunk instanceof Uint8Array && chunks.push(chunk)));
    stream.once("end", () => {
      files.add(path);
      onEntry({ kind: "file", path, mode, content: Buffer.concat(chunks) });
      next();
    });
  });
  return {
    push(chunk) {
      bytes += chunk.length;
      if (bytes > limits.maxBytes) fail(tooLarge(`more than ${limits.maxBytes} bytes`));
      if (failure !== undefined) return false;
      parser.write(chunk);
      return true;
    },
    async finish() {
      if (failure === undefined) parser.end(Buffer.alloc(0));
      await ended;
      if (failure !== undefined) throw failure;
      return { skipped };
    },
  };
}

function cleanPath(name: string): string | null {
  try {
    // A name that was not UTF-8 has lost bytes on the way.
    return name.includes("\ufffd") ? null : workspacePath(name.replace(/\/+$/, ""));
  } catch {
    return null;
  }
}

function tooLarge(what: string): DomainError {
  return new DomainError("limit", `the workspace holds ${what}`, {
    hint: "remove what is not needed (dependencies, build output) and try again",
  });
}

function unsound(): DomainError {
  return new DomainError("invalid_state", "the workspace could not be read whole", {
    hint: "stop commands that still write to it and try again",
  });
}
