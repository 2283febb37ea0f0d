import { GitError, simpleGit } from "simple-git";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitArguments } from "../../../kernel/git/arguments.ts";
import { configVariables, type GitPlace } from "../../../kernel/git/run.ts";
import { cleanText } from "../../../kernel/text.ts";

// simple-git polices argument lists and the environment. Our own builder has made both from constants and checked
// values, so the switches it would need for our own defences (hooks off, no pager, no password prompt) are opened.
// What it cannot see, the repository's own configuration, is handled before: see kernel/git.
const OUR_OWN_SETTINGS = {
  allowUnsafeAskPass: true,
  allowUnsafeConfigEnvCount: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeCredentialHelper: true,
  allowUnsafeDiffExternal: true,
  allowUnsafeDiffTextConv: true,
  allowUnsafeEditor: true,
  allowUnsafeFilter: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeGitProxy: true,
  allowUnsafeGpgProgram: true,
  allowUnsafeHooksPath: true,
  allowUnsafeMergeDriver: true,
  allowUnsafePager: true,
  allowUnsafeSshCommand: true,
  allowUnsafeTemplateDir: true,
} as const;

/** How a porcelain command ended; `stderr` is cleaned and serves to recognise a cause, never to be shown. */
export type PorcelainResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly stderr: string };

export interface PorcelainOptions {
  readonly signal?: AbortSignal | undefined;
  /** Without output for this long the process is ended. Default 60,000. */
  readonly quietMs?: number;
}

/**
 * Runs one porcelain command through simple-git, for answers that are short text: worktrees, branches, counts.
 * Anything large or byte-exact goes through kernel/git/run.ts.
 * @throws {DomainError} timeout when it was cancelled or fell silent.
 */
export async function porcelain(
  place: GitPlace,
  command: GitArguments,
  options: PorcelainOptions = {},
): Promise<PorcelainResult> {
  const environment = { ...place.environment, ...configVariables(place.config) };
  const git = simpleGit({
    baseDir: place.directory,
    unsafe: OUR_OWN_SETTINGS,
    allowEnvironment: Object.keys(environment),
    timeout: { block: options.quietMs ?? 60_000 },
    ...(options.signal === undefined ? {} : { abort: options.signal }),
  }).env(environment);
  try {
    return { ok: true, text: await git.raw([...command.argv]) };
  } catch (error) {
    if (options.signal?.aborted === true) throw stopped("was cancelled", error);
    if (!(error instanceof GitError)) throw error;
    // Its plugins' refusals are defects of ours, except the one that says time is up.
    if ("plugin" in error && error.plugin === "timeout") throw stopped("took too long", error);
    if ("plugin" in error) throw error;
    return { ok: false, stderr: cleanText(error.message).slice(0, 16_384) };
  }
}

function stopped(how: string, cause: unknown): DomainError {
  return new DomainError("timeout", `git ${how}`, { hint: "call again if it is still wanted", cause });
}
