import type Docker from "dockerode";
import { WORKSPACE } from "../domain/workspace-path.ts";
import type { ExecRequest } from "./backend.ts";
import { dockerStatus, within } from "./docker-client.ts";
import { frameReader } from "./docker-frames.ts";
import { USER } from "./docker-profile.ts";

/**
 * Runs one program as the sandbox's user. Returns its exit code, or null when the container ended under it.
 *
 * @param answerMs How long the daemon may take to answer, apart from the program.
 */
export async function execOnce(
  container: Docker.Container,
  request: ExecRequest,
  answerMs: number,
): Promise<number | null> {
  const exec = await within(
    answerMs,
    container.exec({
      Cmd: [...request.argv],
      Env: Object.entries(request.env).map(([name, value]) => `${name}=${value}`),
      User: USER,
      WorkingDir: WORKSPACE,
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
  const kill = (): void => void killUntilOver(container, ended, answerMs);
  if (request.kill.aborted) kill();
  request.kill.addEventListener("abort", kill, { once: true });
  try {
    // A child left behind can hold the stream open after the program has ended.
    await Promise.race([ended, endsBehindOpenStream(isDone, over.signal)]);
    for (let wait = 1; !(await isDone()); wait = Math.min(wait * 2, 100)) await pause(wait);
    return (await within(answerMs, exec.inspect())).ExitCode;
  } catch (error) {
    // With the container goes what is known of its programs.
    if (dockerStatus(error) === 404) return null;
    throw error;
  } finally {
    over.abort();
    request.kill.removeEventListener("abort", kill);
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

const KILL_ROUNDS = 5;

async function killUntilOver(
  container: Docker.Container,
  ended: Promise<void>,
  answerMs: number,
): Promise<void> {
  for (let round = 0; round < KILL_ROUNDS; round += 1) {
    await killAll(container, answerMs).catch(() => undefined);
    const isOver = await Promise.race([ended.then(() => true), pause(1_000).then(() => false)]);
    if (isOver) return;
  }
  // Nothing inside answers any more: the sandbox is lost, but nothing keeps running.
  await within(answerMs, container.kill()).catch(() => undefined);
}

/** Ends every process of the sandbox's user from inside; the sleeper belongs to another user and stays. */
export async function killAll(container: Docker.Container, answerMs: number): Promise<void> {
  const exec = await within(
    answerMs,
    container.exec({
      Cmd: ["/bin/sh", "-c", "kill -9 -1"],
      User: USER,
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
