import { foldersUp, folderOf, joined } from "./path.ts";

/** How a folder's TypeScript resolves names that are not relative. Patterns hold at most one "*". */
export interface ScriptConfig {
  readonly baseUrl: string | undefined;
  readonly paths: readonly { readonly pattern: string; readonly targets: readonly string[] }[];
}

export interface ScriptPackage {
  readonly folder: string;
  readonly name: string | undefined;
  /** The files its name alone may mean, likeliest first, relative to its folder. */
  readonly mains: readonly string[];
  /** `exports` and `imports`: pattern to targets, likeliest first. */
  readonly entries: readonly { readonly pattern: string; readonly targets: readonly string[] }[];
}

/** Everything the manifests of a tree say, and which files there are. */
export interface Project {
  readonly files: ReadonlySet<string>;
  readonly folders: ReadonlySet<string>;
  /** By folder. */
  readonly scriptConfigs: ReadonlyMap<string, ScriptConfig>;
  readonly packages: readonly ScriptPackage[];
  /** Go module paths by folder. */
  readonly goModules: ReadonlyMap<string, string>;
  /** Rust crate names (with underscores) by folder. */
  readonly crates: ReadonlyMap<string, string>;
}

/**
 * Reads the manifests of a tree; one that cannot be read counts as absent.
 * @param files Every file of the tree, source or not.
 * @param manifests Path to text of those `isManifest` names.
 */
export function readProject(files: readonly string[], manifests: ReadonlyMap<string, string>): Project {
  const scriptConfigs = new Map<string, ScriptConfig>();
  const packages: ScriptPackage[] = [];
  const goModules = new Map<string, string>();
  const crates = new Map<string, string>();
  for (const [path, text] of manifests) {
    const folder = folderOf(path);
    if (path.endsWith("package.json")) packages.push(readPackage(folder, parseJson(text)));
    else if (/(?:^|\/)[tj]sconfig\.json$/.test(path)) {
      const config = readConfig(path, manifests, new Set());
      if (config !== undefined && !(path.endsWith("jsconfig.json") && scriptConfigs.has(folder)))
        scriptConfigs.set(folder, config);
    } else if (path.endsWith("go.mod")) {
      const module = /^\s*module\s+"?([^\s"]+)"?/m.exec(text)?.[1];
      if (module !== undefined) goModules.set(folder, module);
    } else if (path.endsWith("Cargo.toml")) {
      const name = /^\[(?:lib|package)\][^[]*?^\s*name\s*=\s*"([^"]+)"/ms.exec(text)?.[1];
      if (name !== undefined) crates.set(folder, name.replaceAll("-", "_"));
    }
  }
  return {
    files: new Set(files),
    folders: new Set(files.flatMap((file) => foldersUp(folderOf(file)))),
    scriptConfigs,
    packages,
    goModules,
    crates,
  };
}

/** The nearest entry of a map by folder, from a folder upwards. */
export function nearest<T>(
  byFolder: ReadonlyMap<string, T>,
  folder: string,
): { readonly folder: string; readonly value: T } | undefined {
  for (const up of foldersUp(folder)) {
    const value = byFolder.get(up);
    if (value !== undefined) return { folder: up, value };
  }
  return undefined;
}

/** JSON, also with comments and trailing commas as in tsconfig.json; undefined where it is none. */
function parseJson(text: string): unknown {
  const bare = text
    .replace(/^\ufeff/, "")
    .replace(
      /("(?:[^"\\\n]|\\.)*")|\/\/[^\n]*|\/\*[^]*?\*\//g,
      (_, quoted: string | undefined) => quoted ?? "",
    )
    .replace(/("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])/g, (_, quoted: string | undefined) => quoted ?? "");
  try {
    return JSON.parse(bare);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}

function readConfig(
  path: string,
  manifests: ReadonlyMap<string, string>,
  seen: ReadonlySet<string>,
): ScriptConfig | undefined {
  const text = manifests.get(path);
  const config = text === undefined || seen.has(path) ? undefined : parseJson(text);
  if (!isRecord(config)) return undefined;
  const folder = folderOf(path);
  const { extends: bases, compilerOptions: given } = config;
  const inherited = (typeof bases === "string" ? [bases] : textsOf(bases)).flatMap((base) => {
    const target = base.startsWith(".") ? joined(folder, base) : undefined;
    if (target === undefined) return [];
    const named = manifests.has(target) ? target : `${target}.json`;
    return readConfig(named, manifests, new Set([...seen, path])) ?? [];
  });
  const last = inherited.at(-1);
  const options = isRecord(given) ? given : {};
  const baseUrl = typeof options["baseUrl"] === "string" ? joined(folder, options["baseUrl"]) : last?.baseUrl;
  const paths = isRecord(options["paths"])
    ? Object.entries(options["paths"]).map(([pattern, targets]) => ({
        pattern,
        targets: textsOf(targets).flatMap((target) => joined(baseUrl ?? folder, target) ?? []),
      }))
    : (last?.paths ?? []);
  return { baseUrl, paths };
}

function readPackage(folder: string, manifest: unknown): ScriptPackage {
  const given = isRecord(manifest) ? manifest : {};
  const { name, exports } = given;
  const mains = ["source", "types", "module", "main"].flatMap((key) => {
    const value = given[key];
    return typeof value === "string" ? [value] : [];
  });
  const subpaths = isRecord(exports) ? Object.entries(exports) : [];
  const entries = subpaths.filter(([key]) => key.startsWith("."));
  return {
    folder,
    name: typeof name === "string" ? name : undefined,
    mains: [...(entries.length === 0 ? leavesOf(exports) : []), ...mains, "src/index", "index"],
    entries: [...entries, ...(isRecord(given["imports"]) ? Object.entries(given["imports"]) : [])].map(
      ([pattern, target]) => ({ pattern, targets: leavesOf(target) }),
    ),
  };
}

/** The file names in a tree of conditions, in order. */
function leavesOf(target: unknown): readonly string[] {
  if (typeof target === "string") return [target];
  if (Array.isArray(target)) return target.flatMap(leavesOf);
  return isRecord(target) ? Object.values(target).flatMap(leavesOf) : [];
}
