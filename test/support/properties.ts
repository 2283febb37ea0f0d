import fc from "fast-check";

// The same inputs in every run, so that a change fails for what it changed. Another seed tries other inputs:
// SLIPWAY_TEST_SEED=7 SLIPWAY_TEST_RUNS=10000 npm test -- test/kernel
const runs = process.env["SLIPWAY_TEST_RUNS"];
fc.configureGlobal({
  seed: Number(process.env["SLIPWAY_TEST_SEED"] ?? 1),
  ...(runs === undefined ? {} : { numRuns: Number(runs) }),
});
