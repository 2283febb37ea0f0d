import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { Entry } from "../adapters/archive.ts";
import { filePath } from "../domain/workspace-path.ts";

/** One file of a write: exactly one of text, base64, delete and mkdir. */
export const writtenFile = z.object({
  path: z.string(),
  text: z.string().optional(),
  base64: z.string().optional(),
  mode: z
    .string()
    .refine((mode) => /^[0-7]{3,4}$/.test(mode), 'octal, such as "644"')
    .optional()
    .describe("octal"),
  delete: z.boolean().optional(),
  mkdir: z.boolean().optional(),
});

/** A file of a new sandbox: text or base64. */
export const newFile = writtenFile.omit({ delete: true, mkdir: true });

type WrittenFile = Omit<z.output<typeof writtenFile>, "delete" | "mkdir"> & {
  readonly delete?: boolean | undefined;
  readonly mkdir?: boolean | undefined;
};

const MAX_BYTES = 32 * 1_048_576;

/**
 * Checks what a caller wants written.
 *
 * @throws {DomainError} invalid for a path outside the workspace, a file without or with two contents, broken base64;
 * limit when it is too much for one call.
 */
export function toEntries(files: readonly WrittenFile[]): {
  readonly entries: readonly Entry[];
  readonly removed: readonly string[];
} {
  const entries = new Map<string, Entry>();
  const removed: string[] = [];
  let bytes = 0;
  for (const file of files) {
    const path = filePath(file.path);
    const wishes = [
      file.text !== undefined,
      file.base64 !== undefined,
      file.delete === true,
      file.mkdir === true,
    ].filter(Boolean).length;
    if (wishes !== 1)
      throw new DomainError("invalid", `give exactly one of text, base64, delete, mkdir for ${path}`, {
        hint: 'an empty file is text: ""',
      });
    if (entries.has(path) || removed.includes(path))
      throw new DomainError("invalid", `${path} is named twice`, { hint: "name every path once per call" });
    const mode = file.mode === undefined ? undefined : Number.parseInt(file.mode, 8) & 0o777;
    if (file.delete === true) removed.push(path);
    else if (file.mkdir === true) entries.set(path, { kind: "folder", path, mode: mode ?? 0o755 });
    else {
      const content = file.text === undefined ? fromBase64(file.base64 ?? "", path) : Buffer.from(file.text);
      bytes += content.length;
      if (bytes > MAX_BYTES)
        throw new DomainError("limit", `one call writes at most ${MAX_BYTES} bytes`, {
          hint: "split it, or use import_directory",
        });
      entries.set(path, { kind: "file", path, mode: mode ?? 0o644, content });
    }
  }
  return { entries: [...entries.values()], removed };
}

function fromBase64(text: string, path: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)
    throw new DomainError("invalid", `the base64 of ${path} is broken`, {
      hint: "use the standard alphabet with padding",
    });
  return Buffer.from(text, "base64");
}
