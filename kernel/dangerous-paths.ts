/**
 * Files that a host program runs or obeys by itself once they lie in a repository. Changes to them leave the
 * sandbox flagged, so that nobody applies them unseen.
 */
const RULES: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/(^|\/)\.git(\/|$)/i, "git configuration or hooks run on the host"],
  [/(^|\/)\.gitmodules$/i, "submodules fetch code from other places"],
  [/(^|\/)\.gitattributes$/i, "attributes can start filters and merge drivers"],
  [/(^|\/)\.husky(\/|$)/i, "hooks run on every commit"],
  [/^slipway-roles(\/|$)/i, "it instructs the workers of runs"],
  [/^slipway\.yaml$/i, "it sets the policy and the commands of runs"],
  [/(^|\/)\.mcp\.json$/i, "tool servers are started from it"],
  [/(^|\/)\.(claude|codex|gemini|cursor|windsurf)(\/|$)/i, "settings of a coding agent can run commands"],
  [/(^|\/)(claude|agents|gemini)\.md$/i, "coding agents take it as instructions"],
  [/(^|\/)\.vscode\/(tasks|settings|launch|extensions|mcp)\.json$/i, "the editor runs commands from it"],
  [/(^|\/)\.idea(\/|$)/i, "the editor runs commands from it"],
  [/(^|\/)\.devcontainer(\/|$)/i, "container hooks run commands"],
  [/(^|\/)\.envrc$/i, "direnv runs it on entering the folder"],
  [/(^|\/)\.npmrc$/i, "npm takes registry and script settings from it"],
  [/(^|\/)\.(github\/(workflows|actions)|circleci|buildkite|ci)(\/|$)/i, "continuous integration runs it"],
  [/(^|\/)\.gitlab-ci\.yml$/i, "continuous integration runs it"],
];

/** Why a changed path needs a person's eye, or null. */
export function dangerOf(path: string): string | null {
  return RULES.find(([pattern]) => pattern.test(path))?.[1] ?? null;
}
