import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { projectRoots, type ServerSources } from "../../kernel/config.ts";
import { DomainError } from "../../kernel/errors.ts";
import { endpointEmbedder } from "./adapters/endpoint-embedder.ts";
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
  /** Undefined: recall works without vectors. */
  readonly embedder: Embedder | undefined;
}

/** @throws {DomainError} invalid for a SLIPWAY_EMBEDDER that names no embedder. */
export function readMemoryConfig(sources: Omit<ServerSources, "log">): MemoryConfig {
  return {
    database: join(sources.home, "memory.db"),
    roots: projectRoots(sources),
    allowedHosts: (sources.env["SLIPWAY_ALLOWED_HOSTS"] ?? "").split(",").filter((host) => host !== ""),
    embedder: readEmbedder(sources.env),
    path: sources.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
  };
}

function readEmbedder(env: ServerSources["env"]): Embedder | undefined {
  const named = env["SLIPWAY_EMBEDDER"] ?? "";
  if (named === "" || named === "none") return undefined;
  const model = /^openai:(.+)$/.exec(named)?.[1];
  if (model === undefined)
    throw new DomainError("invalid", "SLIPWAY_EMBEDDER names no embedder", {
      hint: "set it to none, or to openai:<model> with OPENAI_BASE_URL for any endpoint that embeds as OpenAI does",
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
