import { temporaryFolder } from "../../test/support/all-servers.ts";
import { CALL_HEAD, callRow, measureClaims } from "../calls.ts";
import { markdownTable } from "../machine.ts";
import { auditQueue } from "../queue/audit.ts";
import { driveQueue } from "../queue/drive.ts";

const PROCESSES = 8;
const TASKS = 1_000;
const ROUNDS = 3;

/** Several server processes on one queue, killed in the middle; then claims in long queues. */
export async function soakQueue(): Promise<string> {
  const rows: string[][] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const home = temporaryFolder("soak-queue");
    const run = await driveQueue({
      home: home.path,
      processes: PROCESSES,
      tasks: TASKS,
      seed: round,
      killAfter: 100 * round,
      deadlineMs: 600_000,
    });
    const problems = auditQueue(run);
    if (problems.length > 0)
      throw new Error(`seed ${round}, state in ${home.path}:\n${problems.slice(0, 20).join("\n")}`);
    home.dispose();
    const claims = callRow({ what: "", ms: run.claimMs });
    rows.push([
      `${round}`,
      `${run.claims.length}`,
      `${run.completions.length}`,
      `${run.events.length}`,
      `${run.busyRefusals}`,
      claims[2] ?? "",
      claims[4] ?? "",
      (run.wallMs / 1_000).toFixed(1),
    ]);
  }
  const queue = markdownTable(
    ["seed", "claims", "completions", "events", "busy refusals", "claim p50 ms", "claim p99 ms", "wall s"],
    rows,
  );
  const claims = [
    await measureClaims(1_000, 500),
    await measureClaims(20_000, 500),
    await measureClaims(100_000, 500),
  ];
  return [
    `${PROCESSES} server processes on one queue of ${TASKS} DAG tasks, one killed holding a claim. No double claim, no lost`,
    "acknowledgement, no dependency broken, every claim of the killed one done by another, file and event chain sound:",
    "",
    queue,
    "",
    markdownTable(CALL_HEAD, claims.map(callRow)),
  ].join("\n");
}
