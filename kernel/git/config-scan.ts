import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { DomainError } from "../errors.ts";
import { gitCommand } from "./arguments.ts";
import { classifyKey, type ConfigPair } from "./config-keys.ts";
import { fileStamps } from "./file-stamp.ts";
import { runGit, type GitPlace } from "./run.ts";

/** What a repository's own configuration asks for. Names only: a value may be a secret. */
export interface ConfigScan {
  /** Every key worth telling, sorted, each once. */
  readonly keys: readonly string[];
  readonly overrides: readonly ConfigPair[];
  /** Keys that close the repository until a person trusts it. */
  readonly refused: readonly string[];
  /** Keys that close operations that contact a host. */
  readonly network: readonly string[];
}

/** Scans by file identity and age, so that an unchanged configuration is read once. One per server. */
export type ScanCache = Map<string, { readonly stamp: string; readonly scan: ConfigScan }>;

/** Sorts the keys of a configuration, as git lists them, into what has to be done about them. */
export function judgeKeys(keys: Iterable<string>): ConfigScan {
  const found = new Set<string>();
  const overrides = new Map<string, string>();
  const refused = new Set<string>();
  const network = new Set<string>();
  for (const key of keys) {
    const verdict = classifyKey(key);
    if (verdict === undefined) continue;
    found.add(key);
    if (verdict.action === "override") for (const pair of verdict.set) overrides.set(pair.key, pair.value);
    if (verdict.action === "refuse") refused.add(key);
    if (verdict.action === "network") network.add(key);
  }
  return {
    keys: [...found].sort(),
    overrides: [...overrides].map(([key, value]) => ({ key, value })),
    refused: [...refused],
    network: [...network],
  };
}

/**
 * Reads the key names of `config` and of the worktree's own `config.worktree`; runs nothing they name and follows no
 * include. The worktree file is read whether or not it is switched on: switching it on is one more line in the first.
 */
export async function scanConfig(
  place: GitPlace,
  folders: { readonly commonDir: string; readonly gitDir: string },
  { scans, clock }: { readonly scans: ScanCache; readonly clock: Clock },
): Promise<ConfigScan> {
  const files = [join(folders.commonDir, "config"), join(folders.gitDir, "config.worktree")];
  const id = files.join("\0");
  const stamp = await fileStamps(files, clock);
  const known = scans.get(id);
  if (known !== undefined && known.stamp === stamp) return known.scan;

  const keys: string[] = [];
  for (const file of files) if (existsSync(file)) keys.push(...(await listKeys(place, file)));
  const scan = judgeKeys(keys);
  if (stamp !== undefined) scans.set(id, { stamp, scan });
  return scan;
}

async function listKeys(place: GitPlace, file: string): Promise<string[]> {
  const { code, stdout } = await runGit(place, gitCommand("config_keys", [`--file=${file}`]), {
    timeoutMs: 10_000,
  });
  if (code !== 0) {
    throw new DomainError("invalid_state", "the repository's configuration cannot be read", {
      hint: "repair its config file; `git config --list` names the bad line",
    });
  }
  return stdout
    .toString("utf8")
    .split("\0")
    .filter((key) => key.length > 0);
}
