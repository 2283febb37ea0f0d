import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { projectRoots, type ServerSources } from "../../kernel/config.ts";
import { DomainError } from "../../kernel/errors.ts";
import { endpointEmbedder } from "./adapters/endpoint-embedder.ts";
import { localEmbedder } from "./adapters/local-embedder.ts";
import type { VectorPlace } from "./adapters/vector-indexes.ts";
import type { Embedder } from "./domain/embedder.ts";

export interface MemoryConfig {
  /** The SQLite file. */
  readonly database: string;
  /** Folders whose files may be read. */
  readonly roots: readonly string[];
  /** Hosts that may be read though they are not on the public internet. */
  readonly allowedHosts: readonly string[];
  /** Where git is looked for. */
  readonly path: string;
  readonly vectors: VectorPlace;
  /** Undefined: recall works without vectors. */
  readonly embedder: Embedder | undefined;
}

/** @throws {DomainError} invalid for settings that name no embedder, no place for vectors or no address. */
export function readMemoryConfig(sources: Omit<ServerSources, "log">): MemoryConfig {
  return {
    database: join(sources.home, "memory.db"),
    roots: projectRoots(sources),
    allowedHosts: (sources.env["SLIPWAY_ALLOWED_HOSTS"] ?? "").split(",").filter((host) => host !== ""),
    embedder: readEmbedder(sources),
    vectors: readVectorPlace(sources),
    path: sources.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
  };
}

function readVectorPlace({ home, env }: Pick<ServerSources, "home" | "env">): VectorPlace {
  const named = env["SLIPWAY_VECTORS"] ?? "";
  const url = env["CHROMA_URL"] ?? "";
  if (named !== "" && named !== "exact" && named !== "chroma")
    throw new DomainError("invalid", "SLIPWAY_VECTORS names no place for vectors", {
      hint: "set it to exact (in the process) or chroma (at CHROMA_URL, else in the state folder)",
    });
  if (named === "exact" || (named === "" && url === "")) return { kind: "exact" };
  if (url === "") return { kind: "own_chroma", folder: join(home, "chroma") };
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ""))
    throw new DomainError("invalid", "CHROMA_URL is no address of http or https", {
      hint: "set it to one such as http://127.0.0.1:8000",
    });
  return { kind: "chroma", url };
}

/** Where `slipway memory model pull` puts the model: beside the Node of the launcher, for every project of the user. */
export function localModelFolder(env: ServerSources["env"]): string {
  const given = env["SLIPWAY_CACHE"] ?? env["XDG_CACHE_HOME"];
  const cache = given === undefined || given === "" ? join(env["HOME"] ?? homedir(), ".cache") : given;
  return join(cache, "slipway", "models", "all-MiniLM-L6-v2");
}

function readEmbedder({ env, cwd }: Pick<ServerSources, "env" | "cwd">): Embedder | undefined {
  const named = env["SLIPWAY_EMBEDDER"] ?? "";
  if (named === "" || named === "none") return undefined;
  if (named === "local") return localEmbedder(localModelFolder(env));
  const folder = /^local:(.+)$/.exec(named)?.[1];
  if (folder !== undefined) return localEmbedder(resolve(cwd, folder));
  const model = /^openai:(.+)$/.exec(named)?.[1];
  if (model === undefined)
    throw new DomainError("invalid", "SLIPWAY_EMBEDDER names no embedder", {
      hint: "set it to none, local, local:<folder of a model>, or openai:<model> with OPENAI_BASE_URL for any endpoint that embeds as OpenAI does",
    });
  const key = env["OPENAI_API_KEY"];
  return endpointEmbedder({
    baseUrl: env["OPENAI_BASE_URL"] ?? "https://api.openai.com/v1",
    model,
    key: key === "" ? undefined : key,
    fetch,
    pause,
  });
}
