import { logit, clampLogit, sigmoid } from "./logit.ts";
import { runningScale, type Moments } from "./running-scale.ts";

/** A probability and where it would lie if the weights were off by two standard errors. */
export interface Forecast {
  readonly p: number;
  /** sigmoid(z ± 1.96 sd) of the weights' uncertainty alone; how often it covers has not been measured. */
  readonly interval: readonly [number, number];
}

/** All that a model is, in plain numbers. */
export interface LogisticState extends Moments {
  readonly seen: number;
  readonly learned: number;
  /** Per input, then the intercept. */
  readonly weights: readonly number[];
  /** Row by row. */
  readonly covariance: readonly number[];
}

export type Inputs = readonly (number | null)[];

/** Logistic regression that learns one label at a time and slowly forgets. */
export interface OnlineLogistic {
  /** Takes a change's inputs into the standardisation: once per change, before it is predicted. */
  observe(inputs: Inputs): void;
  predict(inputs: Inputs): Forecast;
  /** `importance` is how many changes this one stands for, above 0. */
  learn(inputs: Inputs, label: 0 | 1, importance?: number): void;
  state(): LogisticState;
}

export interface LogisticOptions {
  /** What an earlier one had learned. */
  readonly from?: LogisticState | undefined;
  /** Weight of a label against the next, above 0 and at most 1; 1 forgets nothing. */
  readonly forgetting?: number;
  /** The prior variance of an input's weight where it is not the usual one. */
  readonly variance?: (input: number) => number | undefined;
  /** The weight that is believed of an input before anything is known; 0 where left out. */
  readonly mean?: (input: number) => number;
}

/** The base rate that is believed before anything is known. */
const PRIOR_RATE = 0.25;
const PRIOR_VARIANCE = 0.06;
const PRIOR_INTERCEPT_VARIANCE = 4;
/** Weight of a label against the next where nothing else is asked for: half is forgotten after 1,386 labels. */
const FORGETTING = 0.9995;
/** Changes to have seen before the standardisation means anything. */
const FEW = 5;
const LEAST_CURVATURE = 1e-4;

/**
 * A Gaussian over the weights, moved by one Newton step per label.
 *
 * learn: p = s(w.x), a = u max(1e-4, p (1 - p)), k = P x, d = 1/a + x.k, P <- (P - k k' / d) / lambda,
 * w <- w + (k (1 - x.k / d) / lambda) u (y - p), where the bracket is the new P times x
 * predict: v = x.P x, s(w.x / sqrt(1 + pi v / 8))
 *
 * No variance ever rises above the prior's: forgetting would otherwise inflate it without end along inputs that do not
 * vary. Rows and columns are scaled together, so the matrix stays symmetric and positive definite, and its trace at
 * most the prior's.
 *
 * Source: McCormick, Raftery, Madigan and Burd, Biometrics 68(1), 2012 (dynamic logistic regression with forgetting);
 * the rank-one step is Sherman and Morrison, 1950; the shrinking of uncertain forecasts is MacKay, Neural Computation
 * 4(5), 1992 (also Bishop 2006, equation 4.154).
 *
 * @throws {RangeError} from every method for inputs that are not finite or too many or few; the model is unchanged.
 */
export function onlineLogistic(size: number, options: LogisticOptions = {}): OnlineLogistic {
  const { from, forgetting = FORGETTING, variance = () => undefined, mean = () => 0 } = options;
  const width = size + 1;
  const scale = runningScale(size, from);
  const prior = Float64Array.from({ length: width }, (_, i) =>
    i === size ? PRIOR_INTERCEPT_VARIANCE : (variance(i) ?? PRIOR_VARIANCE),
  );
  const weights = from === undefined ? new Float64Array(width) : Float64Array.from(from.weights);
  if (from === undefined) {
    for (let i = 0; i < size; i += 1) weights[i] = mean(i);
    weights[size] = logit(PRIOR_RATE);
  }
  const covariance =
    from === undefined ? new Float64Array(width * width) : Float64Array.from(from.covariance);
  if (from === undefined) for (const [i, most] of prior.entries()) covariance[i * width + i] = most;
  let seen = from?.seen ?? 0;
  let learned = from?.learned ?? 0;

  const check = (inputs: Inputs): void => {
    if (inputs.length !== size) throw new RangeError(`the model takes ${size} inputs`);
    if (inputs.some((value) => value !== null && !Number.isFinite(value)))
      throw new RangeError("inputs have to be finite");
  };
  const vectorOf = (inputs: Inputs): Float64Array => {
    const x = new Float64Array(width).fill(1);
    x.set(scale.standardise(inputs));
    return x;
  };
  const spread = (x: Float64Array): Float64Array => {
    const product = new Float64Array(width);
    for (let i = 0; i < width; i += 1) {
      let total = 0;
      for (let j = 0; j < width; j += 1) total += (covariance[i * width + j] ?? 0) * (x[j] ?? 0);
      product[i] = total;
    }
    return product;
  };

  return {
    observe(inputs) {
      check(inputs);
      scale.observe(inputs);
      seen += 1;
    },

    predict(inputs) {
      check(inputs);
      if (seen < FEW) return forecast(logit(PRIOR_RATE), PRIOR_INTERCEPT_VARIANCE, PRIOR_RATE);
      const x = vectorOf(inputs);
      const z = clampLogit(dot(weights, x));
      const doubt = Math.max(0, dot(x, spread(x)));
      return forecast(z, doubt, sigmoid(z / Math.sqrt(1 + (Math.PI * doubt) / 8)));
    },

    learn(inputs, label, importance = 1) {
      check(inputs);
      if (!(Number.isFinite(importance) && importance > 0))
        throw new RangeError("importance has to be finite and above 0");
      const x = vectorOf(inputs);
      const p = sigmoid(dot(weights, x));
      const curvature = importance * Math.max(LEAST_CURVATURE, p * (1 - p));
      const k = spread(x);
      const own = dot(x, k);
      const divisor = 1 / curvature + own;
      // One half is computed and mirrored: the matrix is symmetric to the last bit.
      for (let i = 0; i < width; i += 1) {
        const share = (k[i] ?? 0) / divisor;
        for (let j = i; j < width; j += 1) {
          const value = ((covariance[i * width + j] ?? 0) - share * (k[j] ?? 0)) / forgetting;
          covariance[i * width + j] = value;
          covariance[j * width + i] = value;
        }
      }
      holdToPrior(covariance, prior);
      // The new P x, without another pass over P: k (1 - own / divisor) / lambda.
      const step = (importance * (label - p) * (1 - own / divisor)) / forgetting;
      for (let i = 0; i < width; i += 1) weights[i] = (weights[i] ?? 0) + (k[i] ?? 0) * step;
      learned += 1;
    },

    state: () => ({
      ...scale.moments(),
      seen,
      learned,
      weights: [...weights],
      covariance: [...covariance],
    }),
  };
}

function forecast(z: number, variance: number, p: number): Forecast {
  const reach = 1.96 * Math.sqrt(variance);
  return { p, interval: [sigmoid(z - reach), sigmoid(z + reach)] };
}

/** Scales every input whose variance has outgrown the prior's back to it. */
function holdToPrior(covariance: Float64Array, prior: Float64Array): void {
  const width = prior.length;
  for (let i = 0; i < width; i += 1) {
    const most = prior[i] ?? 0;
    const variance = covariance[i * width + i] ?? 0;
    if (variance <= most) continue;
    const factor = Math.sqrt(most / variance);
    for (let j = 0; j < width; j += 1) {
      const value = (covariance[i * width + j] ?? 0) * factor;
      covariance[i * width + j] = value;
      covariance[j * width + i] = value;
    }
    covariance[i * width + i] = most;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i += 1) total += (a[i] ?? 0) * (b[i] ?? 0);
  return total;
}
