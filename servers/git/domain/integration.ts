/** How changes of `source` come to `target`, which alone moves. */
export const INTEGRATIONS = ["merge", "rebase", "cherry_pick", "revert"] as const;
export type Integration = (typeof INTEGRATIONS)[number];

/** A commit that is to be applied again, or undone, elsewhere. */
export interface ReplayedCommit {
  readonly id: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: { readonly name: string; readonly email: string };
  /** As git takes it: `@`, seconds since the epoch and the zone. */
  readonly authored: string;
  readonly message: string;
}

/** For `git log -z --date=raw`. */
export const REPLAY_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%ad%x00%B";
const FIELDS = 7;

/** Reads what `git log -z --date=raw --format=REPLAY_FORMAT` prints. */
export function parseReplayed(output: string): readonly ReplayedCommit[] {
  const fields = output.split("\0");
  const commits: ReplayedCommit[] = [];
  for (let at = 0; at + FIELDS <= fields.length; at += FIELDS) {
    const [id = "", tree = "", parents = "", name = "", email = "", authored = "", message = ""] =
      fields.slice(at, at + FIELDS);
    commits.push({
      id,
      tree,
      parents: parents === "" ? [] : parents.split(" "),
      author: { name, email },
      authored: `@${authored}`,
      message: `${message.trimEnd()}\n`,
    });
  }
  return commits;
}

/** The message of the commit that carries a replayed one. Source: git-cherry-pick(1) `-x`, git-revert(1). */
export function replayMessage(operation: Exclude<Integration, "merge">, commit: ReplayedCommit): string {
  switch (operation) {
    case "rebase":
      return commit.message;
    case "cherry_pick":
      return `${commit.message.trimEnd()}\n\n(cherry picked from commit ${commit.id})\n`;
    case "revert":
      return `Revert "${commit.message.split("\n")[0] ?? ""}"\n\nThis reverts commit ${commit.id}.\n`;
  }
}
