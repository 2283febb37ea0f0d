/** Fills `dist/` with what is published: plain `tsc` output, one file to one file, and the data files beside it. */
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { installTools, root, runProgram } from "./packages.ts";

/** A sample project is data even where its files end in `.ts`. */
const isData = (path: string): boolean =>
  !path.endsWith(".ts") || path.startsWith("orchestrator/demo/sample/");

function copyData(folder: string): void {
  if (!existsSync(join(root, folder))) return;
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(root.length + 1);
    if (entry.isFile() && isData(path)) cpSync(join(root, path), join(root, "dist", path));
  }
}

async function main(): Promise<number> {
  const failure = await installTools();
  if (failure !== undefined) {
    console.error(`the development tools could not be installed:\n${failure}`);
    return 1;
  }
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const { code } = await runProgram(["tools/node_modules/.bin/tsc", "-p", "tsconfig.build.json"], {
    show: true,
  });
  if (code !== 0) return code;
  for (const folder of ["kernel", "servers", "orchestrator"]) copyData(folder);
  return 0;
}

process.exitCode = await main();
