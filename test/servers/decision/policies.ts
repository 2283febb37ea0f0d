import { compilePolicy } from "../../../servers/decision/adapters/cel.ts";
import { shippedPolicy } from "../../../servers/decision/adapters/policy-file.ts";
import type { PolicySource } from "../../../servers/decision/adapters/policy-source.ts";
import type { ReadyPolicy } from "../../../servers/decision/domain/policy.ts";

export const BALANCED = shippedPolicy("balanced").policy;
export const CLASSIC = shippedPolicy("classic").policy;

const PATHS = ["slipway.yaml", "rules/mine.yaml"];

/** What a server is given whose project has this policy. */
export function inForce(policy: ReadyPolicy): PolicySource {
  return {
    current: async () => policy,
    paths: async () => PATHS,
    prepare: async (kept) => compilePolicy(kept),
  };
}
