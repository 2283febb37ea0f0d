import { soakDecision } from "./decision.ts";
import { soakGit } from "./git.ts";
import { soakCalibration } from "./calibration.ts";
import { soakHosts } from "./hosts.ts";
import { soakKernel } from "./kernel.ts";
import { soakOrchestrator } from "./orchestrator.ts";
import { soakMemory } from "./memory.ts";
import { soakSandbox } from "./sandbox.ts";
import { soakQueue } from "./tasks.ts";

/**
 * A soak: the full counts, run before a part is called done. Takes what stands after its name, returns markdown, and
 * throws where something is wrong.
 */
export type Soak = (argv: readonly string[]) => Promise<string>;

/** `npm run soak -- <room> [flags of the room]`. */
export const ROOMS: Readonly<Record<string, Soak>> = {
  git: soakGit,
  calibration: soakCalibration,
  kernel: soakKernel,
  hosts: soakHosts,
  tasks: soakQueue,
  memory: soakMemory,
  sandbox: soakSandbox,
  orchestrator: soakOrchestrator,
  decision: soakDecision,
};
