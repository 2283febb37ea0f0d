/** The files of a checkout's top folder that say what it needs installed: texts by name, of those that are there. */
export type SetupFiles = ReadonlyMap<string, string>;

/** Files whose content decides what an installation brings, and those that choose how it is made. */
export const SETUP_FILES: readonly string[] = [
  "package.json",
  "package-lock.json",
  "npm-shrinkwrap.json",
  "pnpm-lock.yaml",
  "pnpm-workspace.yaml",
  "yarn.lock",
  ".yarnrc.yml",
  "pyproject.toml",
  "setup.py",
  "setup.cfg",
  "requirements.txt",
  "requirements-dev.txt",
  "uv.lock",
  "poetry.lock",
  "go.mod",
  "go.sum",
  "Cargo.toml",
  "Cargo.lock",
];

const NPM = "--ignore-scripts --no-audit --no-fund";

/**
 * Works out what makes a checkout runnable: the installation of each ecosystem it has, by its lockfile where there is
 * one. Scripts of npm packages are not run. Null where nothing is to be installed.
 */
export function findSetupCommand(files: SetupFiles): string | null {
  const commands = [nodeCommand(files), pythonCommand(files), goCommand(files), cargoCommand(files)];
  const found = commands.filter((command) => command !== null);
  return found.length === 0 ? null : found.join(" && ");
}

function nodeCommand(files: SetupFiles): string | null {
  const manifest = files.get("package.json");
  if (manifest === undefined || !needsPackages(manifest)) return null;
  if (files.has("package-lock.json") || files.has("npm-shrinkwrap.json")) return `npm ci ${NPM}`;
  if (files.has("pnpm-lock.yaml")) return "npx --yes pnpm@10 install --frozen-lockfile --ignore-scripts";
  if (files.has("yarn.lock")) {
    // Yarn since 2 has a settings file and other words than yarn 1.
    return files.has(".yarnrc.yml") || files.get("yarn.lock")?.includes("__metadata:") === true
      ? "YARN_ENABLE_SCRIPTS=0 npx --yes @yarnpkg/cli-dist@4 install --immutable"
      : "npx --yes yarn@1 install --frozen-lockfile --ignore-scripts --non-interactive";
  }
  return `npm install --no-package-lock ${NPM}`;
}

function needsPackages(manifest: string): boolean {
  const parsed = ((): unknown => {
    try {
      return JSON.parse(manifest);
    } catch {
      return null;
    }
  })();
  if (parsed === null || typeof parsed !== "object") return false;
  return Object.entries(parsed).some(
    ([key, value]) =>
      key === "workspaces" ||
      (["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"].includes(key) &&
        value !== null &&
        typeof value === "object" &&
        Object.keys(value).length > 0),
  );
}

function pythonCommand(files: SetupFiles): string | null {
  if (files.has("uv.lock"))
    return "python3 -m pip install --user --quiet uv && python3 -m uv export --quiet --frozen --all-extras --all-groups --no-hashes -o .slipway-setup/uv.txt && python3 -m pip install --user --quiet -r .slipway-setup/uv.txt";
  const install = (what: string): string => `python3 -m pip install --user --quiet ${what}`;
  const requirements = ["requirements.txt", "requirements-dev.txt"].filter((name) => files.has(name));
  const listed = requirements.map((name) => install(`-r ${name}`));
  const isPackage =
    files.has("setup.py") || files.has("setup.cfg") || isPackaged(files.get("pyproject.toml") ?? "");
  if (listed.length === 0 && !isPackage) return null;
  // Extras for tests have no one name; what is missing is left out with a warning of pip's.
  const own = isPackage ? [install("-e '.[test,tests,testing,dev]'")] : [];
  return [...listed, ...own, install("pytest")].join(" && ");
}

function isPackaged(pyproject: string): boolean {
  return /^\[(project|build-system|tool\.poetry)\]/mu.test(pyproject);
}

function goCommand(files: SetupFiles): string | null {
  return files.has("go.mod") ? "go mod download" : null;
}

function cargoCommand(files: SetupFiles): string | null {
  if (!files.has("Cargo.toml")) return null;
  return files.has("Cargo.lock") ? "cargo fetch --locked" : "cargo fetch";
}
