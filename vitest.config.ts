import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Vitest's configuration file has to be a default export.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/properties.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Real processes, git and SQLite run in the tests: two workers suit the two cores we promise to fit.
    maxWorkers: 2,
    // No module keeps state, so files share a worker and what it has loaded; that takes a sixth off the suite.
    isolate: false,
    env: {
      NODE_TEST_CONTEXT: "",
      // The processes that tests start find compiled what an earlier one compiled, as those of the launcher do.
      NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url)),
    },
  },
});
