import { DomainError } from "../../../../kernel/errors.ts";
import { placeIn } from "../../domain/test-report.ts";
import { clip, type Report } from "./report.ts";

const STATUSES = { ok: "passed", FAILED: "failed", ignored: "skipped" } as const;

/** What `cargo test` prints. Output of tests is captured by its harness and stands below the lines that count. */
export const readCargo: Report = (text, root, onCase) => {
  let isReport = false;
  const reasons = new Map<string, string>();
  for (const [, name = "", reason = ""] of text.matchAll(
    /^---- (.+?) stdout ----\n([\s\S]*?)(?=\n(?:---- .+? stdout ----|failures:)$)/gm,
  ))
    reasons.set(name, reason);
  let isCounted = false;
  for (const line of text.split("\n")) {
    if (/^running \d+ tests?$/.test(line)) isCounted = isReport = true;
    if (/^(failures:|test result: )/.test(line)) isCounted = false;
    const match = isCounted ? /^test (.+?) \.\.\. (ok|FAILED|ignored)\b/.exec(line) : null;
    if (match === null) continue;
    const [, name = "", word] = match;
    const status = word === "ok" || word === "FAILED" ? STATUSES[word] : STATUSES.ignored;
    const reason = status === "failed" ? (reasons.get(name) ?? "") : "";
    const place = placeIn(reason, root);
    onCase({
      name: clip(name),
      status,
      file: place?.file ?? null,
      line: place?.line ?? null,
      message:
        status === "failed" ? clip(reason.replace(/^thread .* panicked at [^\n]*\n/m, "").trim()) : null,
    });
  }
  if (!isReport)
    throw new DomainError("invalid", "cargo test did not come to its tests", {
      hint: "see the output: it does not compile, or the command runs no tests",
    });
};
