import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..");
const tools = join(root, "tools");

export interface Outcome {
  readonly code: number;
  /** Both streams as they came, empty where they went straight to the terminal. */
  readonly output: string;
}

/** Runs a program in the repository. `show` passes its output through instead of collecting it. */
export function runProgram(
  argv: readonly string[],
  { show = false, cwd = root }: { readonly show?: boolean; readonly cwd?: string } = {},
): Promise<Outcome> {
  const [file = "", ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd,
      stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
      // oxlint finds its type-aware half on PATH.
      env: { ...process.env, PATH: `${join(tools, "node_modules/.bin")}:${process.env["PATH"] ?? ""}` },
    });
    let output = "";
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    child.on("error", (error) => resolve({ code: 127, output: `${file}: ${error.message}\n` }));
    child.on("close", (code, signal) => resolve({ code: code ?? (signal === null ? 1 : 128), output }));
  });
}

/** Parses a JSON object from a file or an answer; what is read from it stays unknown until looked at. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text);
  return asObject(value);
}

export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

/**
 * Installs the development tools where one is missing or has another version than `tools/package.json` names.
 * `npm install` and not `npm ci`: docs/adr/0004-lockfiles.md says why.
 *
 * @returns What npm said where it failed.
 */
export async function installTools(): Promise<string | undefined> {
  const wanted = asObject(jsonObject(readFileSync(join(tools, "package.json"), "utf8"))["devDependencies"]);
  const current = Object.entries(wanted).every(([name, version]) => {
    const file = join(tools, "node_modules", name, "package.json");
    return existsSync(file) && jsonObject(readFileSync(file, "utf8"))["version"] === version;
  });
  if (current) return undefined;
  const quiet = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  // From inside the folder: --prefix would also move npm's global configuration.
  const { code, output } = await runProgram(["npm", "install", ...quiet], { cwd: tools });
  return code === 0 ? undefined : output;
}
