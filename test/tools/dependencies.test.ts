import { expect, test } from "vitest";
import { licenceAllowed, namedLicence, readAudit } from "../../tools/dependencies.ts";

test.each([
  ["MIT", true],
  ["(MIT OR GPL-3.0)", true],
  ["MIT AND Apache-2.0", true],
  ["(MIT AND GPL-3.0)", false],
  ["GPL-3.0-only", false],
  ["SEE LICENSE IN LICENSE.md", false],
  ["UNLICENSED", false],
  ["", false],
])("licence %j is allowed: %s", (expression, expected) => {
  expect(licenceAllowed(expression)).toBe(expected);
});

test("the older list of licences is read, and no licence is none", () => {
  expect(namedLicence({ licenses: [{ type: "GPL-3.0" }, { type: "MIT" }] })).toBe("GPL-3.0 OR MIT");
  expect(namedLicence({ license: "ISC", licenses: [] })).toBe("ISC");
  expect(namedLicence({})).toBeUndefined();
});

test("serious vulnerabilities fail, others do not, and no answer is said loudly", () => {
  const counts = (high: number): string =>
    `npm warn x\n{"metadata": {"vulnerabilities": {"low": 2, "high": ${high}, "critical": 0}}}`;
  expect(readAudit(counts(1)).ok).toBe(false);
  expect(readAudit(counts(0))).toEqual({ ok: true, text: "none known" });
  const missing = readAudit(
    '{"message": "405 Method Not Allowed - POST https://registry/path", "statusCode": 405}',
  );
  expect(missing.ok).toBe(true);
  expect(missing.text).toMatch(
    /^WARNING vulnerability check: not available \(registry has no audit endpoint: 405/,
  );
  expect(readAudit("no JSON at all").text).toMatch(/^WARNING/);
});
