import { execFileSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a Python that does not lie below /usr is shown inside, and the programs that start it. */
export const PYTHON = "/opt/python";

/** Programs that come with a Python, and the module that each of them is. Their own files name a path of the host. */
export const PYTHON_PROGRAMS: Readonly<Record<string, string>> = {
  pip: "pip",
  pip3: "pip",
  pytest: "pytest",
};

/** What stands in the file of such a program inside. */
export function pythonProgram(module: string): string {
  return `#!/bin/sh\nexec ${PYTHON}/bin/python3 -m ${module} "$@"\n`;
}

/**
 * Finds the folder of the first Python of a PATH where that is none of the system's own, which are shown anyway. Version
 * managers put a script in its place, so it is asked itself. Null where there is none.
 */
export function findPython(path: string): string | null {
  for (const folder of path.split(delimiter)) {
    const program = join(folder, "python3");
    if (folder === "" || !existsSync(program)) continue;
    if (realpathSync(program).startsWith("/usr/")) return null;
    try {
      const prefix = execFileSync(program, ["-I", "-c", "import sys; print(sys.base_prefix)"], {
        encoding: "utf8",
        timeout: 10_000,
        stdio: ["ignore", "pipe", "ignore"],
        env: { PATH: path },
      }).trim();
      return existsSync(join(prefix, "bin", "python3")) ? prefix : null;
    } catch {
      return null;
    }
  }
  return null;
}
