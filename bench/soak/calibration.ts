import { SCENARIOS, simulatedEces } from "../../test/support/simulated-agents.ts";

const RUNS = 400;
/** The bars: the median after 100 outcomes, the 90th percentile after 200. */
const MEDIAN_100 = 0.05;
const P90_200 = 0.06;

/** How far stated confidence is off after calibration, against a truth that is known. */
export async function soakCalibration(): Promise<string> {
  const rows = Object.keys(SCENARIOS).flatMap((name) =>
    [50, 100, 200, 500].map((outcomes) => {
      const eces = simulatedEces(name, { outcomes, runs: RUNS, draws: 20_000 });
      const at = (share: number): number => eces[Math.floor(share * (RUNS - 1))] ?? Number.NaN;
      return { name, outcomes, median: at(0.5), p90: at(0.9) };
    }),
  );
  for (const { name, outcomes, median, p90 } of rows) {
    if ((outcomes === 100 && median > MEDIAN_100) || (outcomes === 200 && p90 > P90_200))
      throw new Error(
        `${name} after ${outcomes}: median ${median.toFixed(3)}, 90th percentile ${p90.toFixed(3)}`,
      );
  }
  return [
    `${RUNS} simulated agents each; true ECE after calibration, over 20 bins and 20,000 draws.`,
    "",
    "| confidence is | outcomes | median | 90th percentile |",
    "| ------------- | -------- | ------ | --------------- |",
    ...rows.map(
      ({ name, outcomes, median, p90 }) =>
        `| ${name} | ${outcomes} | ${median.toFixed(3)} | ${p90.toFixed(3)} |`,
    ),
  ].join("\n");
}
