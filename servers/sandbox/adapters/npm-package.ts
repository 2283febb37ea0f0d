import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

/**
 * Finds the folder of the npm package behind the `npm` of a PATH; null where there is none that can be shown as a
 * whole (distributions spread the parts of theirs over the system).
 */
export function findNpm(path: string): string | null {
  for (const folder of path.split(delimiter)) {
    const program = join(folder, "npm");
    if (folder === "" || !existsSync(program)) continue;
    const real = realpathSync(program);
    const root = dirname(dirname(real));
    if (real.endsWith("/npm/bin/npm-cli.js") && existsSync(join(root, "node_modules"))) return root;
  }
  return null;
}

/** Keeps npm quiet and its files out of the workspace. */
export const NPM_ENV = { npm_config_cache: "/tmp/.npm", npm_config_update_notifier: "false" } as const;
