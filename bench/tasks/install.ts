import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Installs a package of somebody else into a folder of its own, without running its scripts, unless it is there.
 * Returns the folder. Throws with npm's words where it cannot be installed.
 */
export function installPeer(under: string, name: string, version: string): string {
  const folder = join(under, `${name}-${version}`);
  if (existsSync(join(folder, "node_modules", name))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"private": true}\n');
  process.stderr.write(`bench tasks: npm install ${name}@${version}, which may take minutes\n`);
  execFileSync(
    "npm",
    ["install", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", `${name}@${version}`],
    { cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
  );
  return folder;
}
