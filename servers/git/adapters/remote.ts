import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand, type GitArguments } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit, type GitPlace, type GitResult } from "../../../kernel/git/run.ts";
import { isLocalSource, refuseUrl } from "../domain/clone-url.ts";
import type { GitHost } from "./host.ts";

/** A remote that may be talked to, by its address and not by its name: nothing of its other settings counts. */
export interface Remote {
  readonly name: string;
  readonly url: string;
  /** undefined for a folder of this machine. */
  readonly host: string | undefined;
  readonly place: GitPlace;
}

// What a push to a folder of this machine would run there: hooks and monitors of the other repository.
const LOCAL_RECEIVER =
  "git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c receive.denyCurrentBranch=refuse receive-pack";
const TIMEOUT_MS = 45_000;

/**
 * Finds out where a remote of the repository leads and whether git may go there.
 * @throws {DomainError} invalid (no name of a remote), not_found, denied (a transport, host form or folder that is not
 * allowed, or settings of the repository that would lead elsewhere).
 */
export async function openRemote(host: GitHost, git: GitContext, name: string): Promise<Remote> {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(name))
    throw new DomainError("invalid", "this is not the name of a remote", {
      hint: "give a name such as origin",
    });
  if (git.networkConfig.length > 0 && !git.trusted) {
    throw new DomainError(
      "denied",
      `the repository's configuration changes where git goes (${git.networkConfig.slice(0, 5).join(", ")})`,
      { hint: "remove these keys from the repository's configuration" },
    );
  }
  const [url, ...more] = await remoteUrl(git, name);
  if (url === undefined)
    throw new DomainError("not_found", `there is no remote ${name}`, { hint: "`git remote` lists them" });
  if (more.length > 0)
    throw new DomainError("denied", `the remote ${name} has several addresses`, { hint: "keep one" });
  const isLocal = isLocalSource(url);
  const reason = isLocal ? undefined : refuseUrl(url, host.protocols);
  if (reason !== undefined)
    throw new DomainError("denied", `the remote ${name} is not contacted: ${reason}`, {
      hint: `allowed: ${host.protocols.join(", ")} without credentials, or a folder under an allowed root`,
    });
  const target = isLocal
    ? `file://${encodeURI(await host.roots.resolve(url.replace(/^file:\/\//, "")))}`
    : url;
  const token = isLocal ? undefined : host.authorization?.(target);
  return {
    name,
    url: target,
    host: isLocal
      ? undefined
      : (/^[a-z]+:\/\/(?:[^/@]*@)?([^/:]+)|^[^@]+@([^:]+):/.exec(url)?.slice(1).find(Boolean) ?? url),
    place: {
      ...git,
      environment: { ...git.environment, GIT_ALLOW_PROTOCOL: isLocal ? "file" : host.protocols.join(":") },
      config:
        token === undefined
          ? git.config
          : [
              ...git.config,
              { key: `http.${new URL(target).origin}/.extraHeader`, value: `Authorization: ${token}` },
            ],
    },
  };
}

/** The addresses a remote has in the repository's own configuration; several, or none, are possible. */
export async function remoteUrl(git: GitContext, name: string): Promise<readonly string[]> {
  const { stdout } = await runGit(
    git,
    gitCommand("config_get", ["--get-all"], { revisions: [`remote.${name}.url`] }),
  );
  return stdout
    .toString("utf8")
    .split("\0")
    .filter((line) => line !== "");
}

/** Brings the remote's branches, and with them their tags, to refs/remotes. */
export async function fetchFrom(
  { place, url, name }: Remote,
  branch: string | undefined,
  signal: AbortSignal,
) {
  const refspec =
    branch === undefined
      ? `+refs/heads/*:refs/remotes/${name}/*`
      : `+refs/heads/${branch}:refs/remotes/${name}/${branch}`;
  await contact(place, gitCommand("fetch", ["--quiet"], { revisions: [url, refspec] }), signal);
}

/**
 * Pushes a commit to a branch or tag of the remote, never over what is there unless the caller names it.
 * @param expected With it the remote ref may be replaced, if it is at exactly this commit.
 * @throws {DomainError} conflict when the remote is elsewhere.
 */
export async function pushTo(
  remote: Remote,
  {
    commit,
    ref,
    expected,
  }: { readonly commit: string; readonly ref: string; readonly expected: string | undefined },
  signal: AbortSignal,
): Promise<void> {
  await contact(
    remote.place,
    gitCommand(
      "push",
      [
        "--quiet",
        ...(expected === undefined ? [] : ([`--force-with-lease=${ref}:${expected}`] as const)),
        ...(remote.host === undefined ? ([`--receive-pack=${LOCAL_RECEIVER}`] as const) : []),
      ],
      { revisions: [remote.url, `${commit}:${ref}`] },
    ),
    signal,
  );
}

async function contact(place: GitPlace, command: GitArguments, signal: AbortSignal): Promise<void> {
  const result = await runGit(place, command, { signal, timeoutMs: TIMEOUT_MS });
  if (result.code !== 0) throw refusal(result);
}

function refusal({ stdout, stderr }: GitResult): DomainError {
  const text = `${stdout.toString("utf8")}\n${stderr}`;
  const cause = stderr;
  if (/stale info|non-fast-forward|fetch first|\[rejected\]/.test(text))
    return new DomainError("conflict", "the remote branch is not where it was expected; nothing was pushed", {
      hint: "fetch, look at what is new, integrate it, then push again",
      cause,
    });
  if (/remote rejected|pre-receive|protected branch/.test(text))
    return new DomainError("denied", "the remote does not take this push", {
      hint: "the branch may be protected: open a pull request",
      cause,
    });
  if (/couldn't find remote ref/.test(text))
    return new DomainError("not_found", "the remote has no such branch", {
      hint: "fetch without a branch",
      cause,
    });
  if (/Authentication|could not read Username|Permission denied|403|terminal prompts disabled/.test(text))
    return new DomainError("denied", "the remote wants other credentials", {
      hint: "set GITHUB_TOKEN for https, or load an SSH key",
      cause,
    });
  return new DomainError("unavailable", "the remote cannot be reached or does not answer as git expects", {
    hint: "check the network and the address, then call again",
    cause,
  });
}
