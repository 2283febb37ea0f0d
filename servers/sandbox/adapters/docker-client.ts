import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import { DomainError } from "../../../kernel/errors.ts";

/** Where the daemon is: the value of DOCKER_HOST, or undefined for the usual socket. */
export type DockerHost = string | undefined;

/**
 * Connects to the Docker daemon; nothing is sent yet. The library is loaded here and nowhere else.
 *
 * @throws {DomainError} unavailable when it is not installed, invalid for an address that cannot be used.
 */
export async function dockerClient(host: DockerHost): Promise<Docker> {
  const options = optionsFor(host);
  const sockets = socketsOf(host);
  // Loading the library takes longer than a look at the socket, and most machines without Docker have none.
  if (sockets.length > 0 && !sockets.some((socket) => existsSync(socket))) throw noDaemon();
  try {
    const { default: Client } = await import("dockerode");
    return new Client(options);
  } catch (cause) {
    throw new DomainError("unavailable", "the package dockerode is not installed", {
      hint: "npm install dockerode",
      retryable: false,
      cause,
    });
  }
}

/** The refusal where no daemon can be reached. */
export function noDaemon(cause?: unknown): DomainError {
  return new DomainError("unavailable", "no Docker daemon answers", {
    hint: "install docker.io, start the daemon, and let this user reach its socket; DOCKER_HOST names another",
    cause,
  });
}

/** The sockets the daemon may listen on; none for a daemon reached over the network. */
function socketsOf(host: DockerHost): readonly string[] {
  if (host === undefined || host === "")
    return ["/var/run/docker.sock", join(homedir(), ".docker", "run", "docker.sock")];
  return host.startsWith("unix://") ? [host.slice("unix://".length)] : [];
}

function optionsFor(host: DockerHost): Docker.DockerOptions {
  if (host === undefined || host === "") return {};
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length) };
  if (!URL.canParse(host))
    throw new DomainError("invalid", "DOCKER_HOST is not an address", {
      hint: "give unix:///path or tcp://host:port",
    });
  const { protocol, hostname, port } = new URL(host);
  if (protocol !== "tcp:" && protocol !== "http:") {
    throw new DomainError("invalid", `DOCKER_HOST with ${protocol} is not supported`, {
      hint: "give unix:///path or tcp://host:port",
    });
  }
  return { host: hostname, port: Number(port === "" ? 2_375 : port), protocol: "http" };
}

/** The HTTP status of a refusal by the daemon, or undefined for any other failure. */
export function dockerStatus(error: unknown): number | undefined {
  return error instanceof Error && "statusCode" in error && typeof error.statusCode === "number"
    ? error.statusCode
    : undefined;
}

/** Turns a failure into what a caller can do about it; the daemon's own words stay in the cause. */
export function dockerError(error: unknown, sandboxId: string): unknown {
  if (error instanceof DomainError) return error;
  const status = dockerStatus(error);
  // 409 and "not running" (500 on exec) tell of a container that stopped.
  if (status === 404 || status === 409 || (error instanceof Error && /is not running/.test(error.message))) {
    return new DomainError("not_found", `sandbox ${sandboxId} is gone`, {
      hint: "create a new one",
      cause: error,
    });
  }
  if (status !== undefined) {
    return new DomainError("unavailable", `the Docker daemon refused (HTTP ${status})`, {
      hint: "see the daemon's log for the reason",
      cause: error,
    });
  }
  if (error instanceof Error && "code" in error) {
    return noDaemon(error);
  }
  return error;
}

/** Makes a hung daemon a silent one. @throws {DomainError} unavailable when nothing came in time. */
export async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new DomainError("unavailable", `the Docker daemon did not answer within ${ms} ms`, {
          hint: "restart it, then call again",
        }),
      );
    }, ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
