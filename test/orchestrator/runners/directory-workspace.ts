import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import type { Workspace } from "../../../orchestrator/runners/runner.ts";

/** A workspace over a folder of this machine, without isolation: for tests only. Commands really run. */
export function directoryWorkspace(root: string): Workspace {
  const inside = (path: string): string => {
    const absolute = resolve(root, path);
    if (absolute !== root && !absolute.startsWith(root + sep))
      throw new DomainError("invalid", "outside the workspace");
    return absolute;
  };
  return {
    async list(path) {
      const entries = await readdir(inside(path), { recursive: true, withFileTypes: true }).catch(notFound);
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)))
        .sort();
    },
    read: (path) => readFile(inside(path), "utf8").catch(notFound),
    async write(path, text) {
      await mkdir(dirname(inside(path)), { recursive: true });
      await writeFile(inside(path), text);
    },
    run: (command, timeoutS) =>
      new Promise((done) => {
        const env = { ...process.env };
        delete env["NODE_TEST_CONTEXT"];
        execFile(
          "sh",
          ["-c", command],
          { cwd: root, env, timeout: timeoutS * 1000 },
          (error, stdout, stderr) => {
            const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
            done({ outcome: code === null ? "timeout" : "exited", exitCode: code, output: stdout + stderr });
          },
        );
      }),
  };
}

function notFound(): never {
  throw new DomainError("not_found", "there is no such file");
}
