import { spawn } from "node:child_process";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { withSignature } from "../domain/signature.ts";

/**
 * Signs what git signs and returns the armored signature.
 * @throws {DomainError} unavailable: whatever keeps it from signing, nothing unsigned takes its place.
 */
export type Signer = (payload: Buffer, signal?: AbortSignal) => Promise<string>;

export interface SigningKey {
  /** File of an SSH key: a private one without a passphrase, or a public one whose private half an agent holds. */
  readonly file: string;
  /** Socket of that agent. */
  readonly agent: string | undefined;
}

const TIMEOUT_MS = 15_000;

/**
 * Signs with ssh-keygen, as git does for `gpg.format=ssh`, but with nothing of a repository's configuration in between.
 * Source: ssh-keygen(1), `-Y sign`; the namespace is git's.
 */
export function sshSigner(
  key: SigningKey,
  environment: { readonly PATH: string; readonly HOME: string },
): Signer {
  return (payload, signal) =>
    new Promise((resolve, reject) => {
      const child = spawn("ssh-keygen", ["-Y", "sign", "-n", "git", "-f", key.file], {
        env: {
          ...environment,
          // Nobody is there to be asked for a passphrase.
          SSH_ASKPASS: "/bin/false",
          SSH_ASKPASS_REQUIRE: "force",
          ...(key.agent === undefined ? {} : { SSH_AUTH_SOCK: key.agent }),
        },
        stdio: ["pipe", "pipe", "pipe"],
        timeout: TIMEOUT_MS,
        ...(signal === undefined ? {} : { signal }),
      });
      const [out, err]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
      child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
      child.stdin.on("error", () => {});
      child.stdin.end(payload);
      child.on("error", (cause) => reject(unsigned(cause)));
      child.on("close", (code) => {
        const signature = Buffer.concat(out).toString("utf8");
        if (code === 0 && signature.startsWith("-----BEGIN SSH SIGNATURE-----")) return resolve(signature);
        reject(unsigned(Buffer.concat(err).toString("utf8")));
      });
    });
}

/** The signer of a server. @throws {DomainError} unavailable where no key is set up. */
export function signerOf({ signer }: { readonly signer: Signer | undefined }): Signer {
  if (signer !== undefined) return signer;
  throw new DomainError("unavailable", "no signing key is set up for this server", {
    hint: "set SLIPWAY_SIGNING_KEY to an SSH key for the server, or leave sign out",
    retryable: false,
  });
}

/** Writes the signed form of a commit and returns its id; moves nothing. */
export async function signCommit(
  git: GitContext,
  sign: Signer,
  commit: string,
  signal?: AbortSignal,
): Promise<string> {
  const { stdout } = await runGit(git, gitCommand("cat_file", ["commit"], { revisions: [commit] }), {
    signal,
  });
  const signed = withSignature(stdout, await sign(stdout, signal), commit.length === 64);
  const written = await runGit(git, gitCommand("hash_object", ["-tcommit", "-w", "--stdin"]), {
    input: signed,
  });
  if (written.code !== 0) throw unsigned(written.stderr);
  return written.stdout.toString("utf8").trim();
}

function unsigned(cause: unknown): DomainError {
  return new DomainError("unavailable", "the signature could not be made; nothing was written", {
    hint: "check SLIPWAY_SIGNING_KEY: an SSH key without a passphrase, or one that the agent holds",
    retryable: false,
    cause,
  });
}
