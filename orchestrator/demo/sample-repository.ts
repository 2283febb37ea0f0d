import { cp } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Copies the bundled sample into a folder that must not exist yet. It has no git history: whoever copies it makes one. */
export async function copySample(target: string): Promise<void> {
  await cp(fileURLToPath(new URL("./sample/", import.meta.url)), target, {
    recursive: true,
    errorOnExist: true,
    force: false,
  });
}
