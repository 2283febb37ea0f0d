/** The five servers, in the order in which they are shown everywhere. */
export const SERVER_NAMES = ["memory", "tasks", "sandbox", "git", "decision"] as const;

export type ServerName = (typeof SERVER_NAMES)[number];

export function isServerName(word: string): word is ServerName {
  return SERVER_NAMES.some((name) => name === word);
}
