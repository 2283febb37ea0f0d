/** Beyond this a logit says no more: probabilities stay inside (0, 1) and logarithms finite. */
const LIMIT = 30;

export function clampLogit(z: number): number {
  return Math.min(LIMIT, Math.max(-LIMIT, z));
}

/** The logistic function of a clamped logit: strictly between 0 and 1. */
export function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-clampLogit(z)));
}

/** The inverse of `sigmoid`, clamped likewise. */
export function logit(p: number): number {
  return clampLogit(Math.log(p / (1 - p)));
}

/** What the probability `p` costs when `label` comes true, in nats. */
export function logLossOf(p: number, label: number): number {
  const floor = sigmoid(-LIMIT);
  const given = Math.min(1 - floor, Math.max(floor, p));
  return -Math.log(label === 1 ? given : 1 - given);
}
