import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { DomainError } from "../../kernel/errors.ts";
import { silentLog } from "../../kernel/log.ts";
import { readSandboxConfig } from "../../servers/sandbox/config.ts";
import { backendsOf } from "../../servers/sandbox/main.ts";
import { STORES } from "../store-verbs.ts";
import { fileOf, HOSTS, isHere, type Place } from "./hosts.ts";
import { ownServers } from "./host-file.ts";

/** One thing that was looked for: what was found, and where it is missing what that costs and how to mend it. */
export interface Check {
  readonly name: string;
  /** `broken` is in the way of everything, `missing` of what `costs` says. */
  readonly status: "ok" | "missing" | "broken";
  readonly detail: string;
  readonly costs?: string;
  readonly fix?: string;
}

export interface Machine {
  readonly place: Place;
  readonly home: string;
  readonly cwd: string;
}

/** Looks at everything Slipway uses on this machine. Nothing is made and nothing is changed. */
export async function checkMachine(machine: Machine): Promise<readonly Check[]> {
  const [git, docker, bubblewrap, port] = await Promise.all([
    checkGit(machine),
    checkBackend(machine, "docker"),
    checkBackend(machine, "bubblewrap"),
    checkPort(8_787),
  ]);
  return [
    { name: "node", status: "ok", detail: `${process.version} at ${process.execPath}` },
    git,
    docker,
    bubblewrap,
    ...(docker.status === "ok" || bubblewrap.status === "ok" ? [] : [noIsolation]),
    checkHome(machine),
    port,
    ...checkKeys(machine),
    ...checkHosts(machine),
  ];
}

const OLDEST_GIT = { major: 2, minor: 38 };

async function checkGit({ place }: Machine): Promise<Check> {
  const costs = "no repository can be read or changed, and no run is possible";
  const fix = "install git 2.38 or newer";
  try {
    const { stdout } = await promisify(execFile)("git", ["--version"], {
      env: { PATH: place.env["PATH"] ?? "" },
      timeout: 10_000,
    });
    const [, version = "", major, minor] = /((\d+)\.(\d+)[.\d]*)/.exec(stdout) ?? [];
    const isNewEnough =
      Number(major) > OLDEST_GIT.major ||
      (Number(major) === OLDEST_GIT.major && Number(minor) >= OLDEST_GIT.minor);
    if (isNewEnough) return { name: "git", status: "ok", detail: version };
    return { name: "git", status: "broken", detail: `${version || "its version"} is too old`, costs, fix };
  } catch {
    return { name: "git", status: "broken", detail: "not on PATH", costs, fix };
  }
}

async function checkBackend({ place, home, cwd }: Machine, name: "docker" | "bubblewrap"): Promise<Check> {
  const config = readSandboxConfig({ home, env: place.env, cwd, log: silentLog });
  // Whose containers they are does not matter to a probe, so no key is made for it.
  const owner = new Uint8Array(32);
  const folder = mkdtempSync(join(tmpdir(), "slipway-doctor-"));
  const backend = backendsOf(
    { ...config, folder, allowUnisolated: false },
    () => "doctor",
    () => owner,
  ).of(name);
  const probe = await backend.probe().finally(() => rmSync(folder, { recursive: true, force: true }));
  if (probe.ok) return { name, status: "ok", detail: "works here" };
  const costs =
    name === "docker"
      ? "sandboxes run in bubblewrap, which cannot bound memory or disk"
      : "sandboxes run in Docker only";
  return { name, status: "missing", detail: probe.reason, costs, fix: probe.hint };
}

const noIsolation: Check = {
  name: "isolation",
  status: "missing",
  detail: "neither Docker nor bubblewrap works here",
  costs: "the sandbox refuses to run commands, and so does slipway run; the other servers work",
  fix: "install docker.io and busybox-static, or bubblewrap",
};

function checkHome({ home }: Machine): Check {
  const name = "state folder";
  // The nearest folder that is there decides whether the rest can be made.
  let nearest = home;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK);
    if (!statSync(nearest).isDirectory()) throw new Error("no folder");
  } catch {
    return {
      name,
      status: "broken",
      detail: `${home} cannot be written`,
      costs: "no server starts",
      fix: "make it writable, or choose another with --home DIR or SLIPWAY_HOME",
    };
  }
  const stores = [...STORES.keys()].filter((store) => existsSync(join(home, `${store}.db`)));
  const held = stores.length === 0 ? "empty so far" : `holds ${stores.join(", ")}`;
  return { name, status: "ok", detail: `${home}, ${held}` };
}

function checkPort(port: number): Promise<Check> {
  const name = `port ${port}`;
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () =>
      resolve({
        name,
        status: "missing",
        detail: "taken on 127.0.0.1",
        costs: "serve --http needs another port; stdio needs none",
        fix: "serve --http --port N",
      }),
    );
    server.listen(port, "127.0.0.1", () =>
      server.close(() => resolve({ name, status: "ok", detail: "free" })),
    );
  });
}

const KEYS: readonly { readonly name: string; readonly costs: string }[] = [
  { name: "ANTHROPIC_API_KEY", costs: "no runner api, no planner and no reviewer in slipway run" },
  { name: "GITHUB_TOKEN", costs: "no pull requests and no checks from GitHub" },
  { name: "OPENAI_API_KEY", costs: "no embeddings from OpenAI; recall works by words" },
];

/** Only whether a key is there; what it is never leaves the environment. */
function checkKeys({ place: { env } }: Machine): readonly Check[] {
  return KEYS.map(({ name, costs }) =>
    (env[name] ?? "") === ""
      ? { name, status: "missing", detail: "not set", costs, fix: `export ${name}=…` }
      : { name, status: "ok", detail: "set" },
  );
}

function checkHosts({ place }: Machine): readonly Check[] {
  return HOSTS.filter((host) => isHere(host, place)).map((host): Check => {
    const files = [...new Set([fileOf(host, "project", place), fileOf(host, "user", place)])];
    try {
      const file = files.find((path) => ownServers(host, path).length > 0);
      if (file !== undefined) return { name: host.title, status: "ok", detail: `has Slipway in ${file}` };
      return {
        name: host.title,
        status: "missing",
        detail: "is here, without Slipway",
        costs: "it does not see the servers",
        fix: `slipway mcp add ${host.id}`,
      };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return {
        name: host.title,
        status: "missing",
        detail: error.message,
        costs: "Slipway cannot be added to it",
        fix: error.hint ?? "mend the file",
      };
    }
  });
}
