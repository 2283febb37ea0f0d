/**
 * Makes slipway.mcpb, the bundle that Claude Desktop installs: `npm run bundle`. It is the packed package with its
 * production dependencies, started by its own launcher, for the project that the person chooses.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VERSION } from "../kernel/version.ts";
import { root, runProgram } from "./packages.ts";

const PACKER = "@anthropic-ai/mcpb@2.1.2";
const LAUNCHER = "${__dirname}/server/node_modules/slipway/bin/slipway";
const PROJECT = "${user_config.project}";

/** What Claude Desktop reads of the bundle. */
export const MANIFEST = {
  manifest_version: "0.4",
  name: "slipway",
  display_name: "Slipway",
  version: VERSION,
  description: "Memory, tasks, sandbox, git and decisions for autonomous software development",
  author: { name: "The Slipway authors" },
  license: "MIT",
  icon: "icon.png",
  server: {
    type: "binary",
    entry_point: "server/node_modules/slipway/bin/slipway",
    mcp_config: {
      command: LAUNCHER,
      args: ["serve", "all", "--home", `${PROJECT}/.slipway`, "--root", PROJECT],
      env: {},
    },
  },
  user_config: {
    project: {
      type: "directory",
      title: "Project",
      description: "The git repository that the servers work in",
      required: true,
    },
  },
  compatibility: { platforms: ["darwin", "linux"] },
} as const;

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-bundle-"));
  const bundle = join(folder, "bundle");
  const step = async (argv: readonly string[], cwd: string): Promise<void> => {
    const { code, output } = await runProgram(argv, { cwd });
    if (code !== 0) throw new Error(`${argv.join(" ")} failed:\n${output}`);
  };
  try {
    mkdirSync(join(bundle, "server"), { recursive: true });
    console.error("packing the package …");
    await step(["npm", "pack", "--silent", "--pack-destination", folder], root);
    const packed = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
    console.error("installing what it needs …");
    writeFileSync(join(bundle, "server/package.json"), "{}\n");
    const quiet = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await step(["npm", "install", ...quiet, join(folder, packed)], join(bundle, "server"));
    await step(["cp", join(root, "plugin/.claude-plugin/icon.png"), join(bundle, "icon.png")], root);
    writeFileSync(join(bundle, "manifest.json"), `${JSON.stringify(MANIFEST, null, 2)}\n`);
    await step(["npx", "--yes", PACKER, "pack", bundle, join(root, "slipway.mcpb")], folder);
    console.error(`slipway.mcpb, version ${VERSION}`);
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) process.exitCode = await main();
