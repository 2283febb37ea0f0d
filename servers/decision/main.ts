import { existsSync, mkdirSync } from "node:fs";
import { systemClock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/errors.ts";
import type { ServerSources } from "../../kernel/config.ts";
import { gitCache } from "../../kernel/git/open.ts";
import { idSource } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { openRoots } from "../../kernel/roots.ts";
import type { ChangeSource } from "./adapters/change-source.ts";
import { contentsReader } from "./adapters/change-contents.ts";
import { gitHistory } from "./adapters/git-history.ts";
import type { PolicySource } from "./adapters/policy-source.ts";
import { readDecisionConfig, type DecisionConfig } from "./config.ts";
import type { ReadyPolicy } from "./domain/policy.ts";
import { createDecisionServer } from "./server.ts";
import { openDecisionStore } from "./store/sqlite.ts";

/** Opens the decision server of a state folder. */
export async function openDecision(sources: ServerSources): Promise<ToolServer> {
  const config = readDecisionConfig(sources);
  return createDecisionServer({
    store: openDecisionStore(config.database, systemClock),
    changes: whenAsked(config),
    policies: whenDeciding(config, sources.log),
    clock: systemClock,
    newId: idSource(systemClock),
    log: sources.log,
  });
}

/** A server that is never asked about a repository needs neither git nor a folder for it. */
function whenAsked({ gitHome, path, roots, worktrees }: DecisionConfig): ChangeSource {
  const cache = gitCache();
  const readContents = contentsReader();
  return {
    read(request) {
      mkdirSync(gitHome, { recursive: true, mode: 0o700 });
      // The folder of worktrees is made by whoever makes the first one.
      const open = openRoots(existsSync(worktrees) ? [...roots, worktrees] : roots);
      return gitHistory({ roots: open, path, home: gitHome, cache }, undefined, readContents).read(request);
    },
  };
}

/** Reads the policy when the first decision asks for it. It then holds until the server ends. */
function whenDeciding({ project }: DecisionConfig, log: Log): PolicySource {
  const read = async (): Promise<ReadyPolicy> => {
    const { closedPolicy, configuredPolicy, openPolicy } = await import("./adapters/policy-file.ts");
    try {
      return openPolicy(configuredPolicy(project) ?? "balanced").policy;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      log("error", "the policy cannot be used: a person decides everything", { reason: error.message });
      return closedPolicy(error.message);
    }
  };
  let current: Promise<ReadyPolicy> | undefined;
  const paths = async (): Promise<readonly string[]> => {
    const { configuredPolicy, policyPaths } = await import("./adapters/policy-file.ts");
    try {
      return policyPaths(project, configuredPolicy(project));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return policyPaths(project, null);
    }
  };
  return {
    current: () => (current ??= read()),
    paths,
    prepare: async (policy) => (await import("./adapters/cel.ts")).compilePolicy(policy),
  };
}
