import { systemClock } from "../../kernel/clock.ts";
import type { ServerSources } from "../../kernel/config.ts";
import { idSource } from "../../kernel/ids.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { openGitHub } from "./adapters/github.ts";
import { githubAuthorization } from "./adapters/github-client.ts";
import { openHost } from "./adapters/host.ts";
import { keyedMutex } from "./adapters/mutex.ts";
import { trustIn } from "./adapters/trust.ts";
import { readGitConfig } from "./config.ts";
import { createGitServer } from "./server.ts";
import { openGitStore } from "./store/sqlite.ts";

/** Opens the git server of a state folder. */
export async function openGit(sources: ServerSources): Promise<ToolServer> {
  const config = readGitConfig(sources);
  // First, because it makes the state folder or says why it cannot.
  const store = openGitStore(config.database, systemClock);
  return createGitServer({
    store,
    host: openHost({
      ...config,
      clock: systemClock,
      authorization: githubAuthorization(config.github),
      isTrusted: trustIn(store),
    }),
    forge: openGitHub(config.github),
    inTurn: keyedMutex(),
    clock: systemClock,
    newId: idSource(systemClock),
    log: sources.log,
  });
}
