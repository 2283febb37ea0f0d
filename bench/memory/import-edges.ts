/**
 * Compares the import edges that index_codebase finds with those of dependency-cruiser, which is installed with
 * TypeScript 5.9 into a temporary folder. Prints markdown; exit 1 where fewer than 98 % are found.
 *
 *     node bench/memory/import-edges.ts [FOLDER…]     default: this repository, and the sources zod publishes
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { connect, mustCall } from "../../test/support/connect.ts";
import { temporaryFolder } from "../../test/support/all-servers.ts";
import { openForTest } from "../../test/servers/memory/open-memory.ts";
import { machineLine, markdownTable } from "../machine.ts";

const ORACLE = ["dependency-cruiser@18.7.2", "typescript@5.9"];
const LEAST_SHARE = 0.98;
const REPOSITORY = resolve(import.meta.dirname, "../..");

/** Runs inside the folder with the oracle; prints every edge between two files of the tree. */
const CRUISE = `
import { writeFileSync } from "node:fs";
import { cruise } from "dependency-cruiser";
import extractConfig from "dependency-cruiser/config-utl/extract-ts-config";
const [root, config, out] = process.argv.slice(2);
process.chdir(root);
const options = { baseDir: root, tsPreCompilationDeps: true, combinedDependencies: true,
  doNotFollow: { path: "node_modules" }, exclude: { path: "(^|/)(node_modules|dist|coverage)/" },
  ...(config === "" ? {} : { tsConfig: { fileName: config } }) };
const { output } = await cruise(["."], options, {}, config === "" ? {} : { tsConfig: extractConfig(config) });
const edges = output.modules.flatMap(({ source, dependencies }) => dependencies
  .filter(({ couldNotResolve, coreModule, resolved }) => !couldNotResolve && !coreModule && !/(^|\\/)node_modules\\//.test(resolved))
  .map(({ resolved }) => source + " " + resolved));
writeFileSync(out, JSON.stringify([...new Set(edges)]));
`;

const scratch = temporaryFolder("import-edges");

function oracleFolder(): string {
  const folder = join(scratch.path, "oracle");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{"type":"module","private":true}');
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...ORACLE], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  writeFileSync(join(folder, "cruise.mjs"), CRUISE);
  return folder;
}

function edgesOfOracle(oracle: string, root: string): ReadonlySet<string> {
  const config = join(root, "tsconfig.json");
  const out = join(oracle, "edges.json");
  execFileSync(process.execPath, ["cruise.mjs", root, existsSync(config) ? config : "", out], {
    cwd: oracle,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return new Set(z.array(z.string()).parse(JSON.parse(readFileSync(out, "utf8"))));
}

async function edgesOfOurs(
  root: string,
): Promise<{ readonly edges: ReadonlySet<string>; readonly ms: number }> {
  const { server, store } = openForTest(":memory:", Date.now, [root]);
  const { client, close } = await connect(server);
  try {
    let answer = await mustCall(client, "index_codebase", { root });
    while (answer["status"] === "working") answer = await mustCall(client, "index_codebase", { root });
    const filter = { types: ["DEPENDS_ON"], direction: "out", limit: 10_000_000 } as const;
    const edges = await store.read(async (tx) => {
      const links = await tx.linksOf(undefined, filter);
      const entities = await tx.entities([...new Set(links.flatMap(({ from, to }) => [from, to]))]);
      const fileOf = (n: number): string | undefined => {
        const entity = entities.get(n);
        return entity?.type === "CodeModule" || entity?.type === "Test" ? entity.name : undefined;
      };
      return links.flatMap(({ from, to }) => {
        const ends = [fileOf(from), fileOf(to)];
        return ends.includes(undefined) ? [] : [ends.join(" ")];
      });
    });
    return { edges: new Set(edges), ms: Number(answer["ms"]) };
  } finally {
    await close();
    await server.close();
  }
}

function defaultRoots(): readonly string[] {
  const copy = join(scratch.path, "zod");
  cpSync(join(REPOSITORY, "node_modules/zod/src"), copy, { recursive: true });
  return [REPOSITORY, copy];
}

process.once("exit", () => scratch.dispose());
const given = process.argv.slice(2).map((root) => realpathSync(resolve(root)));
const oracle = oracleFolder();
const rows: (readonly string[])[] = [];
for (const root of given.length > 0 ? given : defaultRoots()) {
  const wanted = edgesOfOracle(oracle, root);
  const { edges, ms } = await edgesOfOurs(root);
  const missing = [...wanted].filter((edge) => !edges.has(edge));
  const extra = [...edges].filter((edge) => !wanted.has(edge));
  const share = wanted.size === 0 ? 1 : 1 - missing.length / wanted.size;
  rows.push([
    root.slice(root.lastIndexOf("/") + 1),
    `${wanted.size}`,
    `${wanted.size - missing.length} (${(share * 100).toFixed(2)} %)`,
    `${extra.length}`,
    `${ms}`,
  ]);
  for (const edge of missing.slice(0, 20)) process.stderr.write(`missing ${edge}\n`);
  for (const edge of extra.slice(0, 20)) process.stderr.write(`extra ${edge}\n`);
  if (share < LEAST_SHARE) process.exitCode = 1;
}
process.stdout.write(`${machineLine(new Date())}\n\n`);
process.stdout.write(
  `${markdownTable(["tree", "edges of dependency-cruiser", "found", "others found", "index ms"], rows)}\n`,
);
