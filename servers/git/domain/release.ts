/** A version by its three numbers. Source: semver.org 2.0.0; pre-releases are not planned here. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

export type Bump = "major" | "minor" | "patch";

export interface ReleasedCommit {
  readonly id: string;
  readonly message: string;
}

/** Reads `1.2.3` or `v1.2.3`; undefined for anything else. */
export function parseVersion(text: string): Version | undefined {
  const [, major, minor, patch] = /^v?(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/.exec(text) ?? [];
  return major === undefined
    ? undefined
    : { major: Number(major), minor: Number(minor), patch: Number(patch) };
}

export function formatVersion({ major, minor, patch }: Version): string {
  return `${major}.${minor}.${patch}`;
}

export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/** The version after this one. Before 1.0.0 a breaking change is a minor step. Source: semver.org 2.0.0, items 4 to 8. */
export function nextVersion(version: Version, bump: Bump): Version {
  const { major, minor, patch } = version;
  if (bump === "major" && major > 0) return { major: major + 1, minor: 0, patch: 0 };
  if (bump === "patch") return { major, minor, patch: patch + 1 };
  return { major, minor: minor + 1, patch: 0 };
}

interface Change {
  readonly type: string;
  readonly scope: string | undefined;
  readonly subject: string;
  readonly isBreaking: boolean;
}

/** Reads a commit message; undefined when it is not of the form. Source: conventionalcommits.org 1.0.0. */
export function parseConventional(message: string): Change | undefined {
  const [, type, scope, mark, subject] = /^([A-Za-z]+)(?:\(([^()\n]*)\))?(!)?: (.+)/.exec(message) ?? [];
  if (type === undefined || subject === undefined) return undefined;
  const isBreaking = mark === "!" || /^BREAKING[ -]CHANGE: /m.test(message);
  return { type: type.toLowerCase(), scope, subject: subject.trim(), isBreaking };
}

/** The step that commits ask for; undefined when none of them changes what users get. */
export function bumpOf(commits: readonly ReleasedCommit[]): Bump | undefined {
  const changes = commits.flatMap(({ message }) => parseConventional(message) ?? []);
  if (changes.some(({ isBreaking }) => isBreaking)) return "major";
  if (changes.some(({ type }) => type === "feat")) return "minor";
  return changes.some(({ type }) => ["fix", "perf", "revert"].includes(type)) ? "patch" : undefined;
}

/** The step that changeset files ask for, and their texts. Source: changesets, "Adding a changeset". */
export function readChangesets(files: readonly string[]): {
  readonly bump: Bump | undefined;
  readonly notes: readonly string[];
} {
  const bumps = new Set<string>();
  const notes: string[] = [];
  for (const file of files) {
    const [, head, text] = /^---\r?\n([^]*?)\r?\n---\r?\n?([^]*)$/.exec(file) ?? [];
    if (head === undefined) continue;
    for (const line of head.split("\n")) bumps.add(/:\s*["']?(major|minor|patch)/.exec(line)?.[1] ?? "");
    if (text !== undefined && text.trim() !== "") notes.push(text.trim());
  }
  const bump = (["major", "minor", "patch"] as const).find((step) => bumps.has(step));
  return { bump, notes };
}

const SECTIONS: readonly (readonly [title: string, holds: (change: Change) => boolean])[] = [
  ["Breaking changes", ({ isBreaking }) => isBreaking],
  ["Added", ({ type, isBreaking }) => type === "feat" && !isBreaking],
  ["Fixed", ({ type, isBreaking }) => (type === "fix" || type === "revert") && !isBreaking],
  ["Faster", ({ type, isBreaking }) => type === "perf" && !isBreaking],
];

/** A changelog in Markdown: what users get, in sections, each change with its commit. */
export function changelogOf(commits: readonly ReleasedCommit[], notes: readonly string[]): string {
  const changes = commits.flatMap(({ id, message }) => {
    const change = parseConventional(message);
    return change === undefined ? [] : [{ ...change, id }];
  });
  const parts = SECTIONS.flatMap(([title, holds]) => {
    const lines = changes
      .filter(holds)
      .map(
        ({ scope, subject, id }) =>
          `- ${scope === undefined ? "" : `**${scope}**: `}${subject} (${id.slice(0, 8)})`,
      );
    return lines.length === 0 ? [] : [`### ${title}\n\n${lines.join("\n")}`];
  });
  return [...notes.map((note) => `- ${note.replaceAll("\n", "\n  ")}`), ...parts].join("\n\n");
}
