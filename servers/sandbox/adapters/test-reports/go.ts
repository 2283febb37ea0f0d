import { z } from "zod";
import { placeIn, type TestCase } from "../../domain/test-report.ts";
import { readJson } from "./json.ts";
import { clip, type Report } from "./report.ts";

const Event = z.object({
  Action: z.string(),
  Package: z.string().optional(),
  Test: z.string().optional(),
  Output: z.string().optional(),
});

/**
 * The events of `go test -json`, one a line. What a package that does not compile prints stands between them as text.
 *
 * Source: `go doc test2json`.
 */
export const readGo: Report = (text, root, onCase) => {
  const outputs = new Map<string, string>();
  const failedPackages = new Map<string, string>();
  const withFailures = new Set<string>();
  for (const line of text.split("\n")) {
    // Lines of the go tool itself are no events; one that was cut off by the end of the run is none any more.
    if (!line.startsWith("{") || !line.endsWith("}")) continue;
    const { Action, Package = "", Test, Output } = readJson(line, Event);
    const key = `${Package} > ${Test ?? ""}`;
    if (Output !== undefined) {
      const known = outputs.get(key) ?? "";
      if (known.length < 4_000) outputs.set(key, known + Output);
    }
    const status = STATUSES.get(Action);
    if (status === undefined) continue;
    if (Test === undefined) {
      if (status === "failed") failedPackages.set(Package, outputs.get(key) ?? "");
      continue;
    }
    const reason = outputs.get(key) ?? "";
    if (status === "failed") withFailures.add(Package);
    const place = status === "failed" ? placeIn(reason, root) : null;
    outputs.delete(key);
    onCase({
      name: clip(key),
      status,
      file: place?.file ?? null,
      line: place?.line ?? null,
      message: status === "failed" ? clip(messageIn(reason)) : null,
    });
  }
  for (const [name, output] of failedPackages)
    if (!withFailures.has(name))
      onCase({
        name: clip(name),
        status: "failed",
        ...(placeIn(output, root) ?? { file: null, line: null }),
        message: clip(messageIn(output)),
      });
};

const STATUSES: ReadonlyMap<string, TestCase["status"]> = new Map([
  ["pass", "passed"],
  ["fail", "failed"],
  ["skip", "skipped"],
]);

function messageIn(output: string): string {
  return output
    .split("\n")
    .filter((line) => !/^\s*(=== |--- )/.test(line))
    .join("\n")
    .trim();
}
