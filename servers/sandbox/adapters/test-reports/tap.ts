import { DomainError } from "../../../../kernel/errors.ts";
import { placeIn, type TestCase } from "../../domain/test-report.ts";
import { clip, type Report } from "./report.ts";

const POINT = /^( {0,400})(not )?ok\b(?: +\d+)?(?: *-? *(.*?))?(?: +# *(skip|todo)\b.*)?$/i;

/** No line that counts is longer; the patterns look back over what they passed. */
const MAX_LINE = 2_000;

/**
 * The Test Anything Protocol, versions 12 to 14. A point with points nested below it is a suite and not counted.
 *
 * Source: testanything.org, TAP 14 specification: "not ok # TODO" is no failure, subtests are indented by four spaces
 * and stand before the point that sums them up.
 */
export const readTap: Report = (text, root, onCase) => {
  let isTap = false;
  /** At which depths points stand since the last one less deep. */
  const points: boolean[] = [];
  let open: { readonly test: TestCase; notes: string } | undefined;
  const close = (): void => {
    if (open === undefined) return;
    const { test, notes } = open;
    open = undefined;
    if (test.status !== "failed") return onCase(test);
    const place = placeIn(notes, root);
    onCase({
      ...test,
      file: place?.file ?? null,
      line: place?.line ?? null,
      message: clip(messageIn(notes)),
    });
  };
  for (const line of text.split("\n")) {
    const clean = line.slice(0, MAX_LINE).replace(/\r$/, "");
    if (/^ *(TAP version \d+|\d+\.\.\d+)/.test(clean)) isTap = true;
    if (/^ *Bail out!/.test(clean)) {
      close();
      onCase({ name: "Bail out!", file: null, line: null, status: "failed", message: clip(clean.trim()) });
      return;
    }
    const point = POINT.exec(clean);
    if (point === null) {
      if (open !== undefined && open.notes.length < 20_000) open.notes += `${clean}\n`;
      continue;
    }
    close();
    isTap = true;
    const [, indent = "", not, name = "", directive] = point;
    const depth = Math.floor(indent.length / 4);
    const isSuite = points[depth + 1] === true;
    points.length = Math.min(points.length, depth);
    points[depth] = true;
    if (isSuite) continue;
    const status = directive !== undefined ? "skipped" : not === undefined ? "passed" : "failed";
    open = { test: { name: clip(name), file: null, line: null, status, message: null }, notes: "" };
  }
  close();
  if (!isTap)
    throw new DomainError("invalid", "the command printed no TAP", {
      hint: "set framework to the tool that runs the tests",
    });
};

function messageIn(notes: string): string {
  const message = /^ *(?:error|message): *(?:\|-?\n)?['"]?(.*?)['"]?$/m.exec(notes)?.[1];
  return message === undefined || message === "" ? notes.trim() : message;
}
