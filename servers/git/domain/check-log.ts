const MAX_LINES = 40;
const TELLING = /\b(?:error|fail(?:ed|ure)?|fatal|panic|exception|not ok|assert\w*|✗|×)\b|^\s*(?:E |FAIL)/i;
const STAMP = /^\d{4}-\d\d-\d\dT[\d:.]+Z /;

/** The lines of a failed log that tell why: those that name an error with what stands around, else its end. */
export function summariseLog(log: string): string {
  const lines = log.split("\n").map((line) => line.replace(STAMP, ""));
  const wanted = new Set<number>();
  for (const [at, line] of lines.entries()) {
    if (!TELLING.test(line)) continue;
    for (let near = at - 1; near <= at + 3; near += 1) wanted.add(near);
    if (wanted.size >= MAX_LINES) break;
  }
  if (wanted.size === 0) return lines.slice(-MAX_LINES).join("\n").trim();
  const kept: string[] = [];
  let last = -1;
  for (const at of [...wanted].sort((a, b) => a - b)) {
    const line = lines[at];
    if (line === undefined || line === "") continue;
    if (last !== -1 && at > last + 1) kept.push("…");
    kept.push(line);
    last = at;
  }
  return kept.slice(0, MAX_LINES).join("\n");
}
