import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromaVectors, startChroma } from "../../servers/memory/index.ts";
import { temporaryFolder } from "../../test/support/all-servers.ts";
import { isAlive } from "../../test/support/processes.ts";
import { quantile, seededRandom } from "../statistics.ts";

export interface ChromaKills {
  readonly kills: number;
  /** Chromas that ran on more than five seconds after their parent was killed. */
  readonly orphans: number;
  readonly goneMs: readonly number[];
  readonly acknowledged: number;
  /** Acknowledged vectors that a query for themselves did not find after the last kill. */
  readonly lost: number;
  /** The same after the index was emptied and filled from the record. */
  readonly lostAfterRebuild: number;
  readonly secondRefused: boolean;
}

const COLLECTION = "kills";
const PATIENCE_MS = 5_000;
const PAGE = 500;

/** A vector of 16 numbers for each number, length 1. */
export function vectorAt(n: number): Float32Array {
  const random = seededRandom(n);
  const values = Float32Array.from({ length: 16 }, () => random() - 0.5);
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

/** Kills the owner of a Chroma again and again while it writes. `told` hears of each cycle. */
export async function killChromas(
  cli: string,
  kills: number,
  told: (kill: number) => void,
): Promise<ChromaKills> {
  const home = temporaryFolder("soak-chroma");
  const folder = join(home.path, "chroma");
  const random = seededRandom(50);
  const goneMs: number[] = [];
  let [orphans, acknowledged, secondRefused] = [0, 0, true];
  for (let kill = 1; kill <= kills; kill += 1) {
    const owner = spawn(
      process.execPath,
      [
        fileURLToPath(new URL("chroma-owner.ts", import.meta.url)),
        cli,
        folder,
        COLLECTION,
        `${acknowledged}`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let said = "";
    owner.stdout.on("data", (text: Buffer) => (said += text.toString()));
    const ended = new Promise((resolve) => owner.once("close", resolve));
    while (!said.includes("acknowledged") && owner.exitCode === null) await pause(10);
    if (owner.exitCode !== null) throw new Error(`the process that runs Chroma ended by itself: ${said}`);
    if (kill === 1)
      secondRefused = await startChroma(cli, folder).then(
        () => false,
        () => true,
      );
    await pause(400 * random());
    owner.kill("SIGKILL");
    const began = performance.now();
    await ended;
    const pid = Number(/pid (\d+)/.exec(said)?.[1]);
    while (isAlive(pid) && performance.now() - began < PATIENCE_MS) await pause(5);
    if (isAlive(pid)) {
      orphans += 1;
      process.kill(pid, "SIGKILL");
    }
    goneMs.push(performance.now() - began);
    acknowledged = Math.max(
      acknowledged,
      ...Array.from(said.matchAll(/acknowledged (\d+)/g), ([, n]) => Number(n)),
    );
    told(kill);
  }
  const { address, close } = await startChroma(cli, folder);
  const index = chromaVectors({
    server: { address: async () => address },
    collection: COLLECTION,
    dimension: 16,
  });
  const missing = async (): Promise<number> => {
    let count = 0;
    for (let n = 1; n <= acknowledged; n += 1)
      if (!(await index.nearest(vectorAt(n), 3, () => true)).some((near) => near.n === n)) count += 1;
    return count;
  };
  const lost = await missing();
  await index.clear();
  for (let from = 0; from < acknowledged; from += PAGE)
    await index.put(
      Array.from({ length: Math.min(PAGE, acknowledged - from) }, (_, at) => ({
        n: from + at + 1,
        values: vectorAt(from + at + 1),
      })),
      from + PAGE,
    );
  const lostAfterRebuild = await missing();
  await close();
  home.dispose();
  return { kills, orphans, goneMs, acknowledged, lost, lostAfterRebuild, secondRefused };
}

export const CHROMA_HEAD = [
  "kills of the parent",
  "orphans",
  "child gone after p50 / max ms",
  "acknowledged vectors",
  "not found after",
  "not found once rebuilt",
  "second server",
];

/** One row under `CHROMA_HEAD`. */
export function chromaRow(found: ChromaKills): readonly string[] {
  return [
    `${found.kills}`,
    `${found.orphans}`,
    `${quantile(found.goneMs, 0.5).toFixed(0)} / ${Math.max(...found.goneMs).toFixed(0)}`,
    `${found.acknowledged}`,
    `${found.lost}`,
    `${found.lostAfterRebuild}`,
    found.secondRefused ? "refused" : "NOT refused",
  ];
}
