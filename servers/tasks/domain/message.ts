/** What one agent tells others. */
export interface Message {
  /** 1, 2, 3 … in the order of sending. */
  readonly seq: number;
  readonly from: string;
  /** An agent's name, a role, or `EVERYBODY`. */
  readonly to: string;
  readonly text: string;
  readonly taskId: string | null;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** The recipient that is every agent; nobody may be called so. */
export const EVERYBODY = "all";

/** The recipients that an agent is one of; its role is the one it has when it reads. */
export function addressesOf(agent: string, role: string | null): readonly string[] {
  return [...new Set([agent, EVERYBODY, ...(role === null ? [] : [role])])];
}
