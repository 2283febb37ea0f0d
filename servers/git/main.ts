import { systemClock } from "../../kernel/clock.ts";
import type { ServerSources } from "../../kernel/config.ts";
import { idSource } from "../../kernel/ids.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { openGitHub } from "./adapters/github.ts";
import { githubAuthorization } from "./adapters/github-client.ts";
import { openHost } from "./adapters/host.ts";
import { keyedMutex } from "./adapters/mutex.ts";
import { readGitConfig } from "./config.ts";
import { createGitServer } from "./server.ts";
import { openGitStore } from "./store/sqlite.ts";

/** Opens the git server of a state folder. */
export async function openGit(sources: ServerSources): Promise<ToolServer> {
  const config = readGitConfig(sources);
  return createGitServer({
    // First, because it makes the state folder or says why it cannot.
    store: openGitStore(config.database, systemClock),
    host: openHost({ ...config, clock: systemClock, authorization: githubAuthorization(config.github) }),
    forge: openGitHub(config.github),
    inTurn: keyedMutex(),
    clock: systemClock,
    newId: idSource(systemClock),
    log: sources.log,
  });
}
