import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// These start hundreds of processes. That costs more the larger the process is that starts them, so each file has a
// small one of its own.
const STARTERS = [
  "test/{bin,e2e,orchestrator}/**/*.test.ts",
  "test/servers/git/{*,hostile/*}.test.ts",
  "test/servers/sandbox/**/*.test.ts",
  "test/kernel/git/**/*.test.ts",
];

// Vitest's configuration file has to be a default export.
export default defineConfig({
  test: {
    setupFiles: ["test/support/properties.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Real processes, git and SQLite run in the tests: two workers suit the two cores we promise to fit.
    maxWorkers: 2,
    env: {
      NODE_TEST_CONTEXT: "",
      // The processes that tests start find compiled what an earlier one compiled, as those of the launcher do.
      NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url)),
    },
    projects: [
      { extends: true, test: { name: "processes", include: STARTERS } },
      {
        extends: true,
        // No module keeps state, so these files share a worker and what it has loaded.
        test: { name: "inside", include: ["test/**/*.test.ts"], exclude: STARTERS, isolate: false },
      },
    ],
  },
});
