import { z } from "zod";
import { placeIn, relativeTo } from "../../domain/test-report.ts";
import { clip, type Report } from "./report.ts";
import { readJson, readLines } from "./json.ts";

const NodeEvent = z.object({
  ok: z.boolean(),
  suite: z.boolean(),
  name: z.string(),
  file: z.string().optional(),
  line: z.number().nullish(),
  skip: z.boolean(),
  todo: z.boolean(),
  why: z.string().optional(),
  at: z.string().optional(),
  kind: z.string().optional(),
});

/** The lines of our own reporter for node --test. */
export const readNodeEvents: Report = (text, root, onCase) => {
  for (const event of readLines(text, NodeEvent)) {
    if (event.suite) {
      // A hook that failed, or a suite that broke, fails no test of its own.
      if (event.ok || event.kind === "subtestsFailed") continue;
    }
    const status = event.skip || event.todo ? "skipped" : event.ok ? "passed" : "failed";
    const place = status === "failed" ? placeIn(event.at ?? "", root) : null;
    const file = event.file === undefined ? null : relativeTo(root, event.file);
    onCase({
      name: clip(event.name),
      status,
      file: place?.file ?? file,
      line: place?.line ?? event.line ?? null,
      message: status === "failed" ? clip(event.why ?? "") : null,
    });
  }
};

const JestReport = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string().optional(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({
          ancestorTitles: z.array(z.string()).optional(),
          title: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
          location: z.object({ line: z.number() }).nullish(),
        }),
      ),
    }),
  ),
});

/** The report of `jest --json`, which vitest writes too. */
export const readJest: Report = (text, root, onCase) => {
  for (const suite of readJson(text, JestReport).testResults) {
    const file = relativeTo(root, suite.name);
    for (const test of suite.assertionResults) {
      const status = test.status === "passed" || test.status === "failed" ? test.status : "skipped";
      const why = test.failureMessages?.join("\n") ?? "";
      const place = status === "failed" ? placeIn(why, root) : null;
      onCase({
        name: clip([...(test.ancestorTitles ?? []).filter((title) => title !== ""), test.title].join(" > ")),
        status,
        file: place?.file ?? file,
        line: place?.line ?? test.location?.line ?? null,
        message: status === "failed" ? clip(why) : null,
      });
    }
    // A file that could not be loaded has no tests of its own.
    if (suite.status === "failed" && suite.assertionResults.length === 0)
      onCase({
        name: file,
        status: "failed",
        file,
        line: placeIn(suite.message ?? "", root)?.line ?? null,
        message: clip(suite.message ?? ""),
      });
  }
};

const MochaTest = z.object({
  fullTitle: z.string(),
  file: z.string().nullish(),
  err: z.object({ message: z.string().optional(), stack: z.string().optional() }).optional(),
});

const MochaReport = z.object({
  passes: z.array(MochaTest),
  failures: z.array(MochaTest),
  pending: z.array(MochaTest),
});

/** The report of mocha's json reporter. */
export const readMocha: Report = (text, root, onCase) => {
  const report = readJson(text, MochaReport);
  for (const [status, tests] of [
    ["failed", report.failures],
    ["passed", report.passes],
    ["skipped", report.pending],
  ] as const) {
    for (const { fullTitle, file, err } of tests) {
      const place = status === "failed" ? placeIn(err?.stack ?? "", root) : null;
      onCase({
        name: clip(fullTitle),
        status,
        file: place?.file ?? (typeof file === "string" ? relativeTo(root, file) : null),
        line: place?.line ?? null,
        message: status === "failed" ? clip(err?.message ?? "") : null,
      });
    }
  }
};
