import { stripTypeScriptTypes } from "node:module";

/** Whether a text can be read as what its name says it is; undefined for kinds of files that no parser here knows. */
export function parses(path: string, text: string): boolean | undefined {
  const kind = /\.([a-z]+)$/.exec(path)?.[1] ?? "";
  switch (kind) {
    case "json":
      return succeeds(() => void JSON.parse(text));
    case "js":
    case "mjs":
    case "cjs":
    case "ts":
    case "mts":
    case "cts":
      return succeeds(() => void stripTypeScriptTypes(text, { mode: "transform" }));
    default:
      return undefined;
  }
}

function succeeds(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
