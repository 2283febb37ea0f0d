import { expect, test } from "vitest";
import { findSetupCommand } from "../../../orchestrator/run/find-setup.ts";

const NEEDS = '{"devDependencies":{"x":"1"}}';

test.each<readonly [Readonly<Record<string, string>>, string | null]>([
  [{}, null],
  [{ "package.json": "{}" }, null],
  [{ "package.json": "{" }, null],
  [{ "package.json": '{"dependencies":{}}', "package-lock.json": "{}" }, null],
  [{ "package.json": NEEDS, "package-lock.json": "{}" }, "npm ci --ignore-scripts --no-audit --no-fund"],
  [{ "package.json": NEEDS, "npm-shrinkwrap.json": "{}" }, "npm ci --ignore-scripts --no-audit --no-fund"],
  [{ "package.json": NEEDS }, "npm install --no-package-lock --ignore-scripts --no-audit --no-fund"],
  [
    { "package.json": NEEDS, "pnpm-lock.yaml": "" },
    "npx --yes pnpm@10 install --frozen-lockfile --ignore-scripts",
  ],
  [
    { "package.json": NEEDS, "yarn.lock": "# yarn lockfile v1" },
    "npx --yes yarn@1 install --frozen-lockfile --ignore-scripts --non-interactive",
  ],
  [
    { "package.json": NEEDS, "yarn.lock": "__metadata:\n" },
    "YARN_ENABLE_SCRIPTS=0 npx --yes @yarnpkg/cli-dist@4 install --immutable",
  ],
  [
    { "requirements.txt": "x" },
    "python3 -m pip install --user --quiet -r requirements.txt && python3 -m pip install --user --quiet pytest",
  ],
  [
    { "pyproject.toml": '[project]\nname = "x"' },
    "python3 -m pip install --user --quiet -e '.[test,tests,testing,dev]' && python3 -m pip install --user --quiet pytest",
  ],
  [{ "pyproject.toml": "[tool.ruff]" }, null],
  [{ "go.mod": "module x" }, "go mod download"],
  [{ "Cargo.toml": "", "Cargo.lock": "" }, "cargo fetch --locked"],
  [{ "Cargo.toml": "" }, "cargo fetch"],
  [
    { "package.json": NEEDS, "go.mod": "module x" },
    "npm install --no-package-lock --ignore-scripts --no-audit --no-fund && go mod download",
  ],
])("a checkout with %j is set up by %j", (files, command) => {
  expect(findSetupCommand(new Map(Object.entries(files)))).toBe(command);
});
