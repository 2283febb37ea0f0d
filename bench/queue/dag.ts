import { seededRandom } from "../statistics.ts";

/** One task of a made-up plan; `dependsOn` holds refs of tasks before it. */
export interface DagTask {
  readonly ref: string;
  readonly dependsOn: readonly string[];
  readonly priority: number;
}

/** How far back a task looks for what it depends on: small enough for chains, large enough to keep workers busy. */
const REACH = 40;

/** A plan in which every task waits for up to three earlier ones; the same for the same seed. */
export function taskDag(count: number, seed: number): readonly DagTask[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const wanted = index < 4 ? 0 : Math.floor(random() * 4);
    const picked = Array.from(
      { length: wanted },
      () => index - 1 - Math.floor(random() * Math.min(index, REACH)),
    );
    return {
      ref: `t${index}`,
      dependsOn: [...new Set(picked)].map((other) => `t${other}`),
      priority: 1 + Math.floor(random() * 10),
    };
  });
}
