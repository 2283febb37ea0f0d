import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { asObject, jsonObject, root, runProgram } from "./packages.ts";

const allowed = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
  "Python-2.0",
  "Unlicense",
]);

/** Reads the SPDX expressions npm packages use: one of an `OR` is enough, every one of an `AND` is needed. */
export function licenceAllowed(expression: string): boolean {
  const bare = expression.trim().replace(/^\((.*)\)$/s, "$1");
  const either = bare.split(/\s+OR\s+/);
  if (either.length > 1) return either.some(licenceAllowed);
  return bare.split(/\s+AND\s+/).every((name) => allowed.has(name.replace(/[()]/g, "").trim()));
}

/** The licence of a package manifest: `license`, or the older list `licenses`, any of which may be chosen. */
export function namedLicence(manifest: Readonly<Record<string, unknown>>): string | undefined {
  const { license, licenses } = manifest;
  if (typeof license === "string") return license;
  if (!Array.isArray(licenses)) return undefined;
  const types = licenses.map((entry) => asObject(entry)["type"]).filter((type) => typeof type === "string");
  return types.length === 0 ? undefined : types.join(" OR ");
}

interface Finding {
  readonly ok: boolean;
  readonly text: string;
}

/** Holds every installed production package of the root lockfile against the list of allowed licences. */
export function checkLicences(): Finding {
  const packages = asObject(jsonObject(readFileSync(join(root, "package-lock.json"), "utf8"))["packages"]);
  const refused: string[] = [];
  let count = 0;
  for (const [path, value] of Object.entries(packages)) {
    const entry = asObject(value);
    if (path === "" || entry["dev"] === true) continue;
    const file = join(root, path, "package.json");
    if (!existsSync(file)) {
      // Bindings for other platforms are not installed here.
      if (entry["optional"] !== true && entry["devOptional"] !== true)
        refused.push(`${path}: not installed, run npm ci`);
      continue;
    }
    count += 1;
    const manifest = jsonObject(readFileSync(file, "utf8"));
    const licence = namedLicence(manifest);
    if (licence === undefined || !licenceAllowed(licence)) {
      refused.push(
        `${String(manifest["name"])}@${String(manifest["version"])}: ${licence ?? "no licence named"}`,
      );
    }
  }
  return refused.length === 0
    ? { ok: count > 0, text: `${count} production packages` }
    : { ok: false, text: `not on the list of allowed licences:\n${refused.join("\n")}` };
}

/** Asks the registry for known vulnerabilities of high and critical severity in production packages. */
export async function checkVulnerabilities(): Promise<Finding> {
  const { output } = await runProgram(["npm", "audit", "--omit=dev", "--audit-level=high", "--json"]);
  return readAudit(output);
}

/** Reads what `npm audit --json` printed. A registry without that service is no finding, and is said loudly. */
export function readAudit(output: string): Finding {
  const start = output.indexOf("{");
  const end = output.lastIndexOf("}");
  const answer = start < 0 ? {} : jsonObject(output.slice(start, end + 1));
  const found = asObject(asObject(answer["metadata"])["vulnerabilities"]);
  if (typeof found["high"] !== "number" || typeof found["critical"] !== "number") {
    const reason =
      typeof answer["message"] === "string" ? answer["message"].replace(/ - .*/s, "") : "no usable answer";
    return {
      ok: true,
      text: `WARNING vulnerability check: not available (registry has no audit endpoint: ${reason})`,
    };
  }
  const serious = found["high"] + found["critical"];
  return serious === 0 ? { ok: true, text: "none known" } : { ok: false, text: output };
}
