import { DomainError } from "../../../kernel/errors.ts";

const SIGNS = /read-only file system|no space left|insufficient permission|disk quota/i;

/** The refusal for a git that failed because the repository's disk takes nothing; undefined for any other failure. */
export function unwritable(stderr: string): DomainError | undefined {
  if (!SIGNS.test(stderr)) return undefined;
  return new DomainError("unavailable", "the repository cannot be written; nothing was changed", {
    hint: "check disk space, permissions and whether the disk is mounted read-only",
    retryable: false,
    cause: stderr,
  });
}
