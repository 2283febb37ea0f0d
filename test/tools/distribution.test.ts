import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { VERSION } from "../../kernel/version.ts";
import { MANIFEST } from "../../tools/bundle.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

test("the registry's description, the bundle and the package are of one version and name", () => {
  const { name, version, mcpName } = JSON.parse(read("package.json"));
  expect(version).toBe(VERSION);
  expect(MANIFEST).toMatchObject({ name, version });
  expect(JSON.parse(read("server.json"))).toMatchObject({
    name: mcpName,
    version,
    packages: [{ registryType: "npm", identifier: name, version }],
  });
  // What the bundle starts is in the package.
  const launcher = MANIFEST.server.entry_point.replace("server/node_modules/slipway/", "");
  expect(existsSync(join(root, launcher))).toBe(true);
});

test("the container runs without root, and the compose file takes every variable from .env.example", () => {
  const lines = read("Dockerfile").split("\n");
  expect(lines.findLast((line) => line.startsWith("USER "))).toBe("USER node");
  const compose = read("compose.yaml");
  const { services } = parse(compose);
  expect(services.slipway).toMatchObject({ build: ".", read_only: true, cap_drop: ["ALL"] });
  expect(services.slipway.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:/)]);
  const wanted = [...compose.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name);
  for (const name of wanted) expect(read(".env.example")).toMatch(new RegExp(`^${name}=`, "m"));
});

test("a release is what CI passed, at the version of its tag, with provenance", () => {
  const { jobs } = parse(read(".github/workflows/release.yml"));
  const runs = jobs.release.steps.flatMap(({ run }: { run?: string }) => (run === undefined ? [] : [run]));
  expect(runs.findIndex((run: string) => run === ".ci/run")).toBeLessThan(
    runs.findIndex((run: string) => run.includes("npm publish --provenance")),
  );
});
