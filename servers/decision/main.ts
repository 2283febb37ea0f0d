import { existsSync, mkdirSync } from "node:fs";
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
    changes: whenAsked(config),
    policy: BALANCED,
    clock: systemClock,
    newId: idSource(systemClock),
    log: sources.log,
  });
}

/** A server that is never asked about a repository needs neither git nor a folder for it. */
function whenAsked({ gitHome, path, roots, worktrees }: DecisionConfig): ChangeSource {
  const cache = gitCache();
  return {
    read(request) {
      mkdirSync(gitHome, { recursive: true, mode: 0o700 });
      // The folder of worktrees is made by whoever makes the first one.
      const open = openRoots(existsSync(worktrees) ? [...roots, worktrees] : roots);
      return gitHistory({ roots: open, path, home: gitHome, cache }).read(request);
    },
  };
}
