import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Served } from "./all-servers.ts";

/** The command line's own entry. */
export const MAIN = fileURLToPath(new URL("../../bin/main.ts", import.meta.url));

/** The arguments for `node` that serve over stdio on a state folder. */
export function serveArguments(name: Served, home: string, ...flags: readonly string[]): string[] {
  return [MAIN, "serve", name, "--home", home, ...flags];
}

/** The little of this machine that a server needs: no host, no key, and what Node compiled for an earlier process. */
export function serverEnvironment(home: string): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    SLIPWAY_ROOTS: home,
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "",
  };
}

export interface HttpProcess {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  /** Asks it to end and waits until it has; returns its exit code. */
  close(): Promise<number | null>;
}

/** Starts `slipway serve <name> --http` on a free port, and waits until it says where it is. */
export async function startHttpProcess(name: Served, home: string): Promise<HttpProcess> {
  const child = spawn(process.execPath, serveArguments(name, home, "--http", "--port", "0"), {
    cwd: home,
    env: serverEnvironment(home),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
  });
  const close = async (): Promise<number | null> => {
    child.kill("SIGTERM");
    return ended;
  };
  const said: string[] = [];
  let token = "";
  let url = "";
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    const file = /^bearer token: (.+)$/.exec(line)?.[1];
    if (file !== undefined) token = readFileSync(file, "utf8").trim();
    url = / serves (http:\S+)$/.exec(line)?.[1] ?? url;
    if (url !== "" && token !== "") {
      // Whatever it says later must not fill the pipe and stop it.
      child.stderr.resume();
      return { url, token, pid: child.pid ?? 0, close };
    }
  }
  throw new Error(`serve ${name} --http ended before it served: ${said.join("\n")}`);
}
