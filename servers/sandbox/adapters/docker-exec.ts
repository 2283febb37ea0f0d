import type Docker from "dockerode";
import type { ExecRequest } from "./backend.ts";
import { dockerStatus, within } from "./docker-client.ts";
import { frameReader } from "./docker-frames.ts";
import { asUser, COMMAND_USER, KEEPER_USER } from "./docker-profile.ts";
import type { Runner } from "./docker-runner.ts";

/**
 * Runs one program as the sandbox's user, through the container's runner where that is free to. Returns its exit code,
 * or null when the container ended under it.
 *
 * @param answerMs How long the daemon may take to answer, apart from the program.
 */
export async function execIn(
  container: Docker.Container,
  runner: Runner | undefined,
  request: ExecRequest,
  answerMs: number,
): Promise<number | null> {
  if (runner?.takes(request) !== true) return execOnce(container, request, answerMs);
  const running = runner.run(request);
  const exitCode = await withKill(request.kill, () => killUntilOver(container, running, answerMs), running);
  if (exitCode !== null) return exitCode;
  // The runner went away. Nobody hears its program any more, so that is ended.
  if (!(await isRunning(container, answerMs))) return null;
  await killAll(container, answerMs);
  return KILLED;
}

/** Waits for what runs, and for a kill that was asked for meanwhile: one under way would meet the next command. */
async function withKill<T>(signal: AbortSignal, kill: () => Promise<void>, running: Promise<T>): Promise<T> {
  let killing: Promise<void> | undefined;
  const onAbort = (): void => void (killing ??= kill());
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await running;
  } finally {
    signal.removeEventListener("abort", onAbort);
    await killing;
  }
}

/** As the daemon tells the end by a signal that nobody can withstand. */
const KILLED = 137;

async function execOnce(
  container: Docker.Container,
  request: ExecRequest,
  answerMs: number,
): Promise<number | null> {
  const exec = await within(
    answerMs,
    container.exec({
      Cmd: [...asUser(request.argv, request.env)],
      User: KEEPER_USER,
      WorkingDir: "/",
      AttachStdin: request.stdin !== undefined,
      AttachStdout: true,
      AttachStderr: true,
    }),
  );
  const stream = await within(answerMs, exec.start({ hijack: true, stdin: request.stdin !== undefined }));
  const ended = endOf(stream);
  stream.on("data", frameReader(request.onOutput));
  if (request.stdin !== undefined) stream.end(request.stdin);
  const isDone = async (): Promise<boolean> => !(await within(answerMs, exec.inspect())).Running;
  const over = new AbortController();
  // A child left behind can hold the stream open after the program has ended.
  const running = Promise.race([ended, endsBehindOpenStream(isDone, over.signal)]);
  try {
    await withKill(request.kill, () => killUntilOver(container, ended, answerMs), running);
    for (let wait = 1; !(await isDone()); wait = Math.min(wait * 2, 100)) await pause(wait);
    return (await within(answerMs, exec.inspect())).ExitCode;
  } catch (error) {
    // With the container goes what is known of its programs.
    if (dockerStatus(error) === 404) return null;
    throw error;
  } finally {
    over.abort();
    stream.destroy();
  }
}

function endOf(stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once("end", resolve);
    stream.once("close", resolve);
    // What broke shows when the daemon is asked how the program ended.
    stream.on("error", () => resolve());
  });
}

async function endsBehindOpenStream(isDone: () => Promise<boolean>, over: AbortSignal): Promise<void> {
  for (let wait = 250; !over.aborted; wait = Math.min(wait * 2, 2_000)) {
    await pause(wait);
    if (over.aborted || (await isDone())) break;
  }
  // What was written before the end is still on its way.
  if (!over.aborted) await pause(100);
}

/** How long each try is given, milliseconds. What had not yet become the sandbox's user is met by the next one. */
const KILL_WAITS = [50, 200, 1_000, 1_000, 1_000, 1_000];

async function killUntilOver(
  container: Docker.Container,
  ended: Promise<unknown>,
  answerMs: number,
): Promise<void> {
  for (const wait of KILL_WAITS) {
    await killAll(container, answerMs).catch(() => undefined);
    const isOver = await Promise.race([ended.then(() => true), pause(wait).then(() => false)]);
    if (isOver) return;
  }
  // Nothing inside answers any more: the sandbox is lost, but nothing keeps running.
  await within(answerMs, container.kill()).catch(() => undefined);
}

const KILL_ALL = ["/bin/sh", "-c", "kill -9 -1"];

/**
 * Ends every process of the sandbox's user from inside; who holds the container open is another user, and stays. By
 * the daemon, which finds room for one more process where the sandbox itself has none left.
 */
export async function killAll(container: Docker.Container, answerMs: number): Promise<void> {
  const exec = await within(
    answerMs,
    container.exec({
      Cmd: KILL_ALL,
      User: COMMAND_USER,
      AttachStdout: true,
      AttachStderr: true,
    }),
  );
  const stream = await within(answerMs, exec.start({ hijack: true }));
  const ended = endOf(stream);
  stream.resume();
  await within(answerMs, ended);
}

/** Whether the container is there and runs. */
export async function isRunning(container: Docker.Container, answerMs: number): Promise<boolean> {
  try {
    // One that is being removed or restarted still says that it runs.
    return (await within(answerMs, container.inspect())).State.Status === "running";
  } catch (error) {
    if (dockerStatus(error) === 404) return false;
    throw error;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
