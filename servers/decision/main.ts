import { mkdirSync } from "node:fs";
import { systemClock } from "../../kernel/clock.ts";
import type { ServerSources } from "../../kernel/config.ts";
import { gitCache } from "../../kernel/git/open.ts";
import { idSource } from "../../kernel/ids.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { openRoots } from "../../kernel/roots.ts";
import type { ChangeSource } from "./adapters/change-source.ts";
import { gitHistory } from "./adapters/git-history.ts";
import { readDecisionConfig, type DecisionConfig } from "./config.ts";
import { BALANCED } from "./domain/policy.ts";
import { createDecisionServer } from "./server.ts";
import { openDecisionStore } from "./store/sqlite.ts";

/** Opens the decision server of a state folder. */
export async function openDecision(sources: ServerSources): Promise<ToolServer> {
  const config = readDecisionConfig(sources);
  return createDecisionServer({
    store: openDecisionStore(config.database, systemClock),
    changes: onFirstUse(config),
    policy: BALANCED,
    clock: systemClock,
    newId: idSource(systemClock),
    log: sources.log,
  });
}

/** A server that is never asked about a repository needs neither git nor a folder for it. */
function onFirstUse(config: DecisionConfig): ChangeSource {
  let source: ChangeSource | undefined;
  return {
    read(request) {
      if (source === undefined) {
        mkdirSync(config.gitHome, { recursive: true, mode: 0o700 });
        source = gitHistory({
          roots: openRoots(config.roots),
          path: config.path,
          home: config.gitHome,
          cache: gitCache(),
        });
      }
      return source.read(request);
    },
  };
}
