import { readFile, realpath, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { parse } from "yaml";
import { gitCommand, type GitArguments } from "../../../kernel/git/arguments.ts";
import { isInside } from "../../../kernel/roots.ts";
import { grammarOf, isTestPath } from "../../../kernel/source-files.ts";
import { sourceTrees, type SourceTrees } from "../../../kernel/source-trees.ts";
import type { ChangeContents, FileChange } from "../domain/change.ts";
import {
  coverageOfChange,
  readCobertura,
  readCoverageJson,
  readLcov,
  type LineCoverage,
} from "../domain/coverage.ts";
import { openApiBreaks } from "../domain/openapi.ts";
import type { PathComplexity } from "../domain/path-complexity.ts";
import { entryFiles, packageBreaks, surfaceBreaks, type Surface } from "../domain/surface.ts";
import { parseBatch, parseChangedLines } from "./git-output.ts";
import { withinTime } from "./within-time.ts";
import { pathsOf, pythonExports, scriptExports, type ModuleExports } from "./source-shape.ts";

/** Beyond these a change is not read line by line: its size says enough. */
const MOST_FILES = 300;
const MOST_LINES = 30_000;
const MOST_SOURCES = 60;
/** Characters. */
const LONGEST_SOURCE = 400_000;
const LONGEST_API = 2_000_000;
const API_MS = 1_000;
/** Processor time for all syntax trees of a change; what is not read by then stays unknown. */
const TREES_MS = 4_000;
/** Modules that are followed from the entries of a package, and how far. */
const MOST_MODULES = 60;
const FARTHEST = 6;

/** Where coverage tools leave their reports. */
const REPORTS = [
  "coverage/lcov.info",
  "lcov.info",
  "coverage/coverage-final.json",
  "coverage.json",
  "coverage.xml",
  "coverage/cobertura-coverage.xml",
] as const;
const LARGEST_REPORT = 32 * 1024 * 1024;
const API = /(?:^|\/)(?:openapi|swagger)[^/]*\.(?:ya?ml|json)$/i;
const MANIFEST = /(?:^|\/)package\.json$/;

/** Runs one git command; `input` goes to its stdin. */
export type RunGit = (command: GitArguments, input?: string) => Promise<Buffer>;

export interface ContentsRequest {
  readonly run: RunGit;
  /** null where everything in `head` is new. */
  readonly from: string | null;
  readonly head: string;
  readonly files: readonly FileChange[];
  /** The worktree, where it stands at `head`; null where it does not. */
  readonly worktree: string | null;
  /** When `head` was made, epoch milliseconds. */
  readonly at: number;
}

const UNREAD: ChangeContents = { complexity: null, coverage: null, breaks: null };

/** Reads what is inside a change: paths through its functions, its coverage, and what it breaks for others. */
export function contentsReader(): (request: ContentsRequest) => Promise<ChangeContents> {
  const all = sourceTrees();
  return async (request) => {
    const trees = boundedTrees(all);
    const { run, from, head, files } = request;
    const lines = files.reduce((sum, { added, deleted }) => sum + (added ?? 0) + (deleted ?? 0), 0);
    if (files.length === 0 || files.length > MOST_FILES || lines > MOST_LINES || from === null) return UNREAD;
    const isOfInterest = ({ path, previousPath }: FileChange): boolean =>
      [path, previousPath].some(
        (each) => grammarOf(each) !== undefined || API.test(each) || MANIFEST.test(each),
      );
    const relevant = files.filter(isOfInterest);
    if (relevant.length === 0 || relevant.length > MOST_SOURCES) return UNREAD;
    const patch = await run(
      gitCommand("diff", ["--patch", "--unified=0", "--find-renames"], { revisions: [from, head] }),
    );
    const changed = parseChangedLines(patch.toString("utf8"));
    const read = textsOf(run);
    const now = await read(
      head,
      relevant.map(({ path }) => path),
    );
    const before = await read(
      from,
      relevant.map(({ previousPath }) => previousPath),
    );
    return {
      complexity: await complexityOf(trees, now, changed),
      coverage: await coverageOf(request, changed),
      breaks: await breaksOf(trees, { from, head, read, relevant, before, now }),
    };
  };
}

/** The same trees until their time is spent; after that every text is one that takes too long. */
function boundedTrees(trees: SourceTrees): SourceTrees {
  let spentMs = 0;
  return {
    async read(grammar, text, look) {
      if (spentMs > TREES_MS) return undefined;
      const { user, system } = process.cpuUsage();
      const found = await trees.read(grammar, text, look);
      const now = process.cpuUsage();
      spentMs += (now.user + now.system - user - system) / 1_000;
      return found;
    },
  };
}

async function complexityOf(
  trees: SourceTrees,
  now: ReadonlyMap<string, string>,
  changed: ReadonlyMap<string, readonly number[]>,
): Promise<PathComplexity | null> {
  const found: PathComplexity[] = [];
  for (const [path, text] of now) {
    const grammar = grammarOf(path);
    if (grammar === undefined || isTestPath(path) || text.length > LONGEST_SOURCE) continue;
    const one = await trees.read(grammar, text, (root) => pathsOf(root, grammar, changed.get(path) ?? []));
    if (one !== undefined) found.push(one);
  }
  if (found.length === 0) return null;
  return {
    functions: found.reduce((sum, { functions }) => sum + functions, 0),
    largest: Math.max(...found.map(({ largest }) => largest)),
  };
}

/** The newest report there is, if it is younger than the change: an older one tells of other lines. */
async function coverageOf(
  { worktree, at, files }: ContentsRequest,
  changed: ReadonlyMap<string, readonly number[]>,
): Promise<ChangeContents["coverage"]> {
  if (worktree === null) return null;
  for (const name of REPORTS) {
    const path = await realpath(join(worktree, name)).catch(() => null);
    if (path === null || !isInside(worktree, path)) continue;
    const about = await stat(path);
    if (!about.isFile() || about.size > LARGEST_REPORT || about.mtimeMs < at) continue;
    const report = readReport(name, await readFile(path, "utf8"));
    if (report === null) continue;
    const sources = new Map([...changed].filter(([file]) => grammarOf(file) !== undefined));
    const found = coverageOfChange(report, sources);
    if (found !== null && files.length > 0) return { ...found, report: name };
  }
  return null;
}

function readReport(name: string, text: string): LineCoverage | null {
  if (name.endsWith(".info")) return readLcov(text);
  if (name.endsWith(".xml")) return readCobertura(text);
  return readCoverageJson(parsed(() => JSON.parse(text)));
}

interface Sides {
  readonly from: string;
  readonly head: string;
  readonly read: (revision: string, paths: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  readonly relevant: readonly FileChange[];
  /** Texts by the path that they had then. */
  readonly before: ReadonlyMap<string, string>;
  readonly now: ReadonlyMap<string, string>;
}

/** Null where nothing that others use was found. */
async function breaksOf(trees: SourceTrees, sides: Sides): Promise<readonly string[] | null> {
  const found: (readonly string[] | null)[] = [
    ...apiBreaks(sides),
    ...(await pythonBreaks(trees, sides)),
    await scriptBreaks(trees, sides),
  ];
  const looked = found.filter((each) => each !== null);
  return looked.length === 0 ? null : looked.flat();
}

function apiBreaks({ relevant, before, now }: Sides): readonly (readonly string[] | null)[] {
  return relevant
    .filter(({ previousPath }) => API.test(previousPath))
    .map(({ path, previousPath }) => {
      const [old, text] = [before.get(previousPath), now.get(path)];
      if (old === undefined) return null;
      return openApiBreaks(asData(old), text === undefined ? undefined : asData(text));
    });
}

function asData(text: string): unknown {
  if (text.length > LONGEST_API) return null;
  if (text.trimStart().startsWith("{")) return parsed(() => JSON.parse(text));
  return withinTime(API_MS, () => parse(text, { maxAliasCount: 0, logLevel: "error", prettyErrors: false }));
}

/** Where a folder above says that it is a package; tests and names that begin with an underscore are nobody's. */
async function pythonBreaks(
  trees: SourceTrees,
  { from, read, relevant, before, now }: Sides,
): Promise<readonly (readonly string[] | null)[]> {
  const modules = relevant.filter(
    ({ previousPath: path }) =>
      path.endsWith(".py") && !isTestPath(path) && !/(?:^|\/)_(?!_init__)/.test(path) && before.has(path),
  );
  if (modules.length === 0) return [];
  const marks = ["pyproject.toml", "setup.py", "setup.cfg"];
  const folders = new Set(modules.flatMap(({ previousPath }) => foldersAbove(previousPath)));
  const manifests = await read(
    from,
    [...folders].flatMap((folder) => marks.map((mark) => posix.join(folder, mark))),
  );
  if (manifests.size === 0) return [];
  const surfaceOf = async (text: string | undefined): Promise<Surface> =>
    text === undefined || text.length > LONGEST_SOURCE
      ? new Map()
      : ((await trees.read("python", text, pythonExports)) ?? new Map());
  return Promise.all(
    modules.map(async ({ path, previousPath }) =>
      surfaceBreaks(
        await surfaceOf(before.get(previousPath)),
        await surfaceOf(path === previousPath ? now.get(path) : undefined),
        previousPath,
      ),
    ),
  );
}

async function scriptBreaks(trees: SourceTrees, sides: Sides): Promise<readonly string[] | null> {
  const { from, head, read, relevant } = sides;
  const touched = relevant.map(({ previousPath }) => previousPath);
  if (!touched.some((path) => MANIFEST.test(path) || isScript(path))) return null;
  const folders = [...new Set(touched.flatMap(foldersAbove))];
  const paths = folders.map((folder) => posix.join(folder, "package.json"));
  const [old, current] = [await read(from, paths), await read(head, paths)];
  const found: (readonly string[] | null)[] = [];
  for (const [path, text] of old) {
    const manifest = parsed(() => JSON.parse(text));
    const after = current.get(path);
    const folder = posix.dirname(path);
    found.push(packageBreaks(manifest, after === undefined ? {} : parsed(() => JSON.parse(after)), path));
    for (const entry of await entryModules(read, from, folder, manifest)) {
      const before = await surfaceFrom(trees, (names) => read(from, names), entry);
      const now = await surfaceFrom(trees, (names) => read(head, names), entry);
      // What is passed on from elsewhere, or is too large to follow, is not compared.
      if (before !== null && now !== null) found.push(surfaceBreaks(before, now, entry));
    }
  }
  const looked = found.filter((each) => each !== null);
  return looked.length === 0 ? null : [...new Set(looked.flat())];
}

/** The modules that a package's users load: its entries as they are, or what they are built from. */
async function entryModules(
  read: Sides["read"],
  revision: string,
  folder: string,
  manifest: unknown,
): Promise<readonly string[]> {
  const named = entryFiles(manifest).slice(0, 20);
  const wanted = (named.length === 0 ? ["index.js"] : named).filter((path) => !path.endsWith(".d.ts"));
  const candidates = wanted.map((path) => {
    const bare = path.replace(/\.[cm]?js$/, "");
    const source = bare.replace(/^(?:dist|lib|build|out)\//, "");
    return [
      path,
      ...[bare, source, `src/${source}`].flatMap((stem) => [`${stem}.ts`, `${stem}.tsx`, `${stem}.js`]),
    ].map((each) => posix.join(folder, each));
  });
  const there = await read(revision, [...new Set(candidates.flat())].slice(0, 200));
  return [
    ...new Set(candidates.flatMap((list) => list.filter((path) => there.has(path)).slice(0, 1))),
  ].filter(isScript);
}

/** Everything that a module exports, followed through the modules that it passes on; null where that goes too far. */
async function surfaceFrom(
  trees: SourceTrees,
  read: (paths: readonly string[]) => Promise<ReadonlyMap<string, string>>,
  entry: string,
): Promise<Surface | null> {
  const modules = new Map<string, ModuleExports | null>();
  let wanted: readonly string[] = [entry];
  for (let depth = 0; wanted.length > 0; depth += 1) {
    if (depth > FARTHEST || modules.size > MOST_MODULES) return null;
    const texts = await read(wanted);
    const next = new Set<string>();
    for (const path of wanted) {
      const text = texts.get(path);
      const grammar = grammarOf(path);
      const found =
        text === undefined || grammar === undefined || text.length > LONGEST_SOURCE
          ? null
          : ((await trees.read(grammar, text, scriptExports)) ?? null);
      modules.set(path, found);
      for (const { from } of found?.passed ?? [])
        for (const each of candidatesOf(path, from)) if (!modules.has(each)) next.add(each);
    }
    wanted = [...next];
  }
  return resolved(modules, entry, new Set());
}

function resolved(
  modules: ReadonlyMap<string, ModuleExports | null>,
  path: string,
  above: ReadonlySet<string>,
): Surface {
  const module = modules.get(path);
  const surface = new Map(module?.own ?? []);
  if (module == null || above.has(path)) return surface;
  for (const { from, name, as } of module.passed) {
    const target = candidatesOf(path, from).find((each) => (modules.get(each) ?? null) !== null);
    const inner = target === undefined ? new Map() : resolved(modules, target, new Set([...above, path]));
    for (const [each, signature] of inner) {
      const [owner = "", ...members] = each.split(".");
      if (name === "*" ? owner !== "default" && !surface.has(each) : owner === name)
        surface.set(name === "*" ? each : [as, ...members].join("."), signature);
    }
    if (name !== "*" && !surface.has(as)) surface.set(as, null);
  }
  return surface;
}

/** What a relative import may mean, in the order in which it is looked for; nothing for a package. */
function candidatesOf(importer: string, from: string): readonly string[] {
  if (!from.startsWith(".")) return [];
  const path = posix.join(posix.dirname(importer), from);
  const bare = path.replace(/\.[cm]?js$/, "");
  return [
    path,
    `${bare}.ts`,
    `${bare}.tsx`,
    `${bare}.js`,
    `${bare}.mjs`,
    `${path}/index.ts`,
    `${path}/index.js`,
  ].filter((each) => !each.startsWith(".."));
}

function isScript(path: string): boolean {
  return /\.(?:[cm]?[jt]s|[jt]sx)$/.test(path) && !isTestPath(path);
}

function foldersAbove(path: string): readonly string[] {
  const folder = posix.dirname(path);
  return folder === "." ? ["."] : [folder, ...foldersAbove(folder)];
}

/** Reads texts of files at a revision; what was read once is not asked for again. */
function textsOf(run: RunGit): Sides["read"] {
  const known = new Map<string, string | undefined>();
  return async (revision, paths) => {
    const key = (path: string): string => `${revision}:${path}`;
    const missing = paths.filter((path) => !known.has(key(path)));
    const found = await blobs(run, revision, missing);
    for (const path of missing) known.set(key(path), found.get(path));
    return new Map(
      paths.flatMap((path): readonly (readonly [string, string])[] => {
        const text = known.get(key(path));
        return text === undefined ? [] : [[path, text]];
      }),
    );
  };
}

/** The texts of files at a revision, by path; those that are not there, or are no text, are left out. */
async function blobs(
  run: RunGit,
  revision: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const named = paths.filter(isPlain);
  if (named.length === 0) return new Map();
  const answer = await run(
    gitCommand("cat_file", ["--batch"]),
    `${named.map((path) => `${revision}:${path}`).join("\n")}\n`,
  );
  return parseBatch(answer, named);
}

/** A name that git looks up from the top of the tree, and one line of its input. A manifest may name anything. */
function isPlain(path: string): boolean {
  const isOdd = (segment: string): boolean => segment === "" || segment === "." || segment === "..";
  return !/[\u0000-\u001f\u007f\ufffd]/.test(path) && path.length < 4_096 && !path.split("/").some(isOdd);
}

function parsed<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
