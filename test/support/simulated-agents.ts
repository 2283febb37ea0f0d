import { chosen } from "../../servers/decision/domain/confidence/chosen.ts";
import { sigmoid } from "../../servers/decision/domain/learning/logit.ts";
import { seededRandom } from "../../servers/decision/domain/learning/seeded-random.ts";

type Draw = (random: () => number) => { readonly stated: number; readonly truth: number };

/** Agents whose confidence is off in a known way: what they state, and how likely they are right. */
export const SCENARIOS: Readonly<Record<string, Draw>> = {
  overconfident(random) {
    const z = 0.6 + gauss(random);
    return { stated: sigmoid(2.2 * z + 1.2), truth: sigmoid(z) };
  },
  "skewed high"(random) {
    const z = 1.8 + 0.9 * gauss(random);
    return { stated: sigmoid(0.8 * z + 1.8), truth: sigmoid(0.9 * z - 0.2) };
  },
};

/** The true calibration error, over 20 bins, of agents whose first `outcomes` were learned from; lowest first. */
export function simulatedEces(
  name: string,
  { outcomes, runs, draws }: { readonly outcomes: number; readonly runs: number; readonly draws: number },
): readonly number[] {
  const draw = SCENARIOS[name];
  if (draw === undefined) throw new RangeError(`there is no scenario ${name}`);
  return Array.from({ length: runs }, (_, run) => {
    const random = seededRandom(1_000 * run + outcomes);
    const past = Array.from({ length: outcomes }, () => {
      const { stated, truth } = draw(random);
      return { p: stated, label: random() < truth ? 1 : 0 };
    });
    const { calibrate } = chosen(past);
    const bins = Array.from({ length: 20 }, () => ({ read: 0, truth: 0 }));
    for (let i = 0; i < draws; i += 1) {
      const { stated, truth } = draw(random);
      const read = calibrate(stated);
      const bin = bins[Math.min(19, Math.floor(read * 20))];
      if (bin === undefined) continue;
      bin.read += read;
      bin.truth += truth;
    }
    return bins.reduce((sum, bin) => sum + Math.abs(bin.read - bin.truth), 0) / draws;
  }).sort((a, b) => a - b);
}

/** Source: Box and Muller, 1958. */
function gauss(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
