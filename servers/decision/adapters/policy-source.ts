import type { Policy, ReadyPolicy } from "../domain/policy.ts";

/** Where policies come from. What reads them is loaded when it is first asked. */
export interface PolicySource {
  /** The policy of this project; where it cannot be used, one that leaves everything to a person. */
  current(): Promise<ReadyPolicy>;
  /** The files that it is read from, as git names them in its repository. A change of one waits for a person. */
  paths(): Promise<readonly string[]>;
  /** Prepares a policy kept with a past decision. @throws {DomainError} invalid */
  prepare(policy: Policy): Promise<ReadyPolicy>;
}
