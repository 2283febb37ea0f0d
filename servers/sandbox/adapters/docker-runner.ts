import { Socket } from "node:net";
import type Docker from "dockerode";
import type { ExecRequest, OutputStream } from "./backend.ts";
import { within } from "./docker-client.ts";
import { frameReader } from "./docker-frames.ts";
import { asUser, KEEPER_USER } from "./docker-profile.ts";
import { between } from "./docker-marks.ts";

/**
 * A shell that stays inside a container and starts one command after another there, which costs a tenth of what the
 * daemon takes. It is root of the few rights of the profile: commands can neither signal it, nor look into it, nor
 * read what it is told, so they cannot forge the marks between which their output stands.
 */
export interface Runner {
  readonly state: "idle" | "busy" | "lost";
  /** Whether it can run this now; the daemon can run everything. */
  takes(request: Pick<ExecRequest, "argv" | "env" | "stdin">): boolean;
  /** Runs a command to its end and returns its exit code, or null when the runner went away. Nobody is killed by it. */
  run(request: Pick<ExecRequest, "argv" | "env" | "stdin" | "onOutput">): Promise<number | null>;
}

/** Input lies in memory inside until the command has read it. */
const MAX_INPUT_BYTES = 4_194_304;
/** The shell reads a command byte by byte. */
const MAX_WORDS_BYTES = 65_536;

// A command gets descriptors of its own to the two pipes, because some programs change how their descriptors wait, and
// those who share them would then fail to write. What it does not read of its input is taken off the stream all the same.
const SCRIPT = `while IFS= read -r nonce && IFS= read -r bytes && IFS= read -r job; do
  echo "$nonce"; echo "$nonce" >&2
  if [ "$bytes" = 0 ]; then eval "$job" </dev/null >/proc/self/fd/1 2>/proc/self/fd/2
  else dd bs="$bytes" count=1 iflag=fullblock 2>/dev/null | eval "$job" >/proc/self/fd/1 2>/proc/self/fd/2
  fi
  code=$?
  echo "$nonce $code"; echo "$nonce $code" >&2
done`;

/**
 * Starts the runner of a container. It ends with the stream.
 *
 * @param nonce An unguessable word each time.
 * @param answerMs How long the daemon may take to answer.
 * @throws {DomainError} unavailable when the daemon does not answer; any error of the daemon.
 */
export async function startRunner(
  container: Docker.Container,
  nonce: () => string,
  answerMs: number,
): Promise<Runner> {
  const exec = await within(
    answerMs,
    container.exec({
      Cmd: ["/bin/sh", "-c", SCRIPT],
      User: KEEPER_USER,
      WorkingDir: "/",
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    }),
  );
  const stream = await within(answerMs, exec.start({ hijack: true, stdin: true }));
  let state: Runner["state"] = "idle";
  let take: ((from: OutputStream, chunk: Uint8Array) => void) | undefined;
  let giveUp: (() => void) | undefined;
  // An idle runner keeps nobody from ending.
  const hold = (isWanted: boolean): void => {
    if (!(stream instanceof Socket)) return;
    if (isWanted) stream.ref();
    else stream.unref();
  };
  const lose = (): void => {
    state = "lost";
    giveUp?.();
  };
  stream.once("end", lose);
  stream.once("close", lose);
  stream.on("error", lose);
  // Between commands only what an earlier one left behind can speak; nobody is to hear it.
  stream.on(
    "data",
    frameReader((from, chunk) => take?.(from, chunk)),
  );
  hold(false);
  return {
    get state() {
      return state;
    },
    takes({ argv, env, stdin }) {
      const words = [...argv, ...Object.entries(env).flat()];
      return (
        state === "idle" &&
        (stdin?.length ?? 0) <= MAX_INPUT_BYTES &&
        words.reduce((sum, word) => sum + Buffer.byteLength(word), 0) <= MAX_WORDS_BYTES &&
        !words.some((word) => word.includes("\0"))
      );
    },
    async run({ argv, env, stdin, onOutput }) {
      state = "busy";
      hold(true);
      const mark = nonce();
      const codes: number[] = [];
      const exitCode = await new Promise<number | null>((resolve) => {
        giveUp = () => resolve(null);
        const readers = Object.fromEntries(
          (["stdout", "stderr"] as const).map((from) => [
            from,
            between(
              mark,
              (chunk) => onOutput(from, chunk),
              (code) => {
                codes.push(code);
                if (codes.length === 2) resolve(code);
              },
            ),
          ]),
        );
        take = (from, chunk) => readers[from]?.(chunk);
        const job = asUser(argv, env).map(quoted).join(" ");
        stream.write(`${mark}\n${stdin?.length ?? 0}\n${job}\n`);
        if (stdin !== undefined && stdin.length > 0) stream.write(stdin);
      });
      take = undefined;
      giveUp = undefined;
      hold(false);
      if (exitCode !== null) state = "idle";
      return exitCode;
    },
  };
}

/** A word as the shell reads it back from one line. */
function quoted(word: string): string {
  // Replaced by functions, because the text of a replacement has a language of its own.
  const safe = word.replaceAll("'", () => String.raw`'\''`).replaceAll("\n", () => String.raw`'$'\n''`);
  return `'${safe}'`;
}
