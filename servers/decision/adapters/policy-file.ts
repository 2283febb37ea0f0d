import { closeSync, existsSync, openSync, readFileSync, readSync, realpathSync } from "node:fs";
import { basename, isAbsolute, join, relative } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { oneLine } from "../../../kernel/text.ts";
import { NUMBER_NAMES } from "../domain/facts.ts";
import { ACTIONS, TIERS, VERDICTS, type Policy, type ReadyPolicy, type Rule } from "../domain/policy.ts";
import type { PolicyTest } from "../domain/policy-tests.ts";
import { compilePolicy } from "./cel.ts";

/** The policies that ship, by name. */
export const SHIPPED = ["balanced", "no_compromise", "fast_iteration", "classic"] as const;
export type ShippedPolicy = (typeof SHIPPED)[number];

/** A policy as it is written: ready to be applied, with the tests that its author gave it. */
export interface PolicyDocument {
  readonly policy: ReadyPolicy;
  readonly tests: readonly PolicyTest[];
}

/** Bytes. The shipped ones have 5 kB. */
const LARGEST = 32_768;
const MOST_RULES = 200;

const id = z.string().regex(/^[a-z][a-z0-9_]{0,59}$/, "lower case letters, digits and _");
const because = z.string().min(1).max(200);
// YAML reads a bare `true` as a truth value, which is a condition, too.
const when = z.union([z.string().min(1), z.boolean().transform(String)]);

const Rung = z.strictObject({
  id,
  actions: z.array(z.enum(ACTIONS)).min(1).optional(),
  when,
  verdict: z.enum(VERDICTS),
  because,
});
const Guard = Rung.extend({ critical: z.boolean().optional(), tier: z.enum(TIERS).optional() });
const Test = z.strictObject({
  name: z.string().min(1).max(200),
  action: z.enum(ACTIONS).default("merge"),
  known: z.record(
    z.enum(["", ...NUMBER_NAMES]).exclude([""]),
    z.union([z.number(), z.boolean().transform(Number), z.null()]).optional(),
  ),
  expect: z.enum(VERDICTS),
  fires: z.array(z.string()).default([]),
});
const share = z.number().gt(0).lt(1);
const BudgetTerms = z
  .strictObject({
    base_share: share,
    rate: share,
    beyond: z.enum(VERDICTS).default("request_review"),
    unproven: z.enum(VERDICTS).default("proceed_with_monitoring"),
    used_up: z.enum(VERDICTS).default("require_human"),
  })
  .transform(({ base_share, used_up, ...terms }) => ({ baseShare: base_share, usedUp: used_up, ...terms }));
const Document = z.strictObject({
  name: id,
  budget: BudgetTerms.optional(),
  guards: z.array(Guard).max(MOST_RULES).default([]),
  ladder: z.array(Rung).max(MOST_RULES).default([]),
  elicitation: z.boolean().optional(),
  otherwise: z.strictObject({ verdict: z.enum(VERDICTS), because }),
  tests: z.array(Test).max(500).default([]),
});

/**
 * Reads a policy from YAML.
 *
 * @throws {DomainError} invalid, naming the rule or the place: not YAML, an unknown key or fact, a condition that
 * cannot be read or reaches for what is no fact; limit for a text that is too long.
 */
export function readPolicy(text: string): PolicyDocument {
  if (Buffer.byteLength(text) > LARGEST) {
    throw new DomainError("limit", `a policy has at most ${LARGEST} bytes`, { hint: "use fewer rules" });
  }
  const parsed = Document.safeParse(readYaml(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const place = issue?.path.map((part) => String(part).slice(0, 40)).join(".");
    throw new DomainError("invalid", `the policy is wrong at ${place === "" ? "its top" : place}`, {
      hint: issue?.code === "unrecognized_keys" ? "it has a key that is not known" : "see docs/decision.md",
    });
  }
  const { name, guards, ladder, otherwise, tests, elicitation, budget } = parsed.data;
  const source: Policy = {
    name,
    guards: guards.map(toRule),
    ladder: ladder.map(toRule),
    otherwise: { id: "otherwise", when: "true", ...otherwise },
    ...(budget === undefined ? {} : { budget }),
    ...(elicitation === undefined ? {} : { elicitation }),
  };
  const ids = [...source.guards, ...source.ladder, source.otherwise].map((rule) => rule.id);
  const twice = ids.find((one, place) => ids.indexOf(one) !== place);
  if (twice !== undefined)
    throw new DomainError("invalid", `two rules are called ${twice}`, { hint: "give each rule its own id" });
  return { policy: compilePolicy(source), tests };
}

function toRule({ actions, critical, tier, ...rule }: z.output<typeof Guard>): Rule {
  return {
    ...rule,
    ...(actions === undefined ? {} : { actions }),
    ...(critical === undefined ? {} : { critical }),
    ...(tier === undefined ? {} : { tier }),
  };
}

// What a policy has no use for and what takes a reader of YAML long: deep or stray brackets, anchors and tags, markers
// in a row, two colons on the way to one value.
const TANGLED: readonly RegExp[] = [
  /(?:^|[:,?[{-] *)[&*!%@`]/m,
  /^ *(?:[-?] +){3}/m,
  /: [^,{}[\]\n]*: /,
  /[[{\]},][ \n]*(?:[[{\]},][ \n]*){6}/,
];
const DEEPEST = 6;
// An open quote reaches to the end of its line, so that each character is looked at once.
const QUOTED = /"(?:[^"\\\n]|\\.)*"?|'(?:[^'\n]|'')*'?/g;
/** Lines, and signs that make a reader begin something new: what reading takes grows with them. */
const MOST_LINES = 1_000;
const MOST_SIGNS = 2_500;
/** Parts of one line, and keys in a row: a reader holds each key of a map against all others. A rule has eight. */
const MOST_IN_A_ROW = 60;

// From a hash that begins a line or follows a space; quotes are out of the way by then.
const COMMENT = /(^|\s)#.*$/gm;

/** Refuses what no policy looks like before it costs time. @throws {DomainError} invalid */
function refuseTangled(text: string): void {
  const bare = text.replace(QUOTED, "x").replace(COMMENT, "$1");
  const signs = (text.match(QUOTED)?.length ?? 0) + (bare.match(/[:,?[{|>-]/g)?.length ?? 0);
  if (signs > MOST_SIGNS || text.split("\n").length > MOST_LINES)
    throw new DomainError("limit", "the policy has too many parts", {
      hint: "use fewer rules, or fewer lines",
    });
  if (longestRow(text, bare) > MOST_IN_A_ROW)
    throw new DomainError("limit", "the policy has too many parts in a row", {
      hint: "give each rule its own lines, and each map its few keys",
    });
  let depth = 0;
  let deepest = 0;
  for (const sign of bare) {
    if (sign === "[" || sign === "{") depth += 1;
    if (sign === "]" || sign === "}") depth -= 1;
    deepest = depth < 0 ? DEEPEST + 1 : Math.max(deepest, depth);
  }
  if (deepest > DEEPEST || TANGLED.some((pattern) => pattern.test(bare))) {
    throw new DomainError("invalid", "the policy is not the plain YAML that policies are written in", {
      hint: "use no anchors, tags or deep brackets; quote a text that holds them, or a colon",
    });
  }
}

/** The most quotes or commas of a line, or lines with a key between two items of a list. */
function longestRow(text: string, bare: string): number {
  let [longest, keys] = [0, 0];
  for (const line of text.split("\n")) longest = Math.max(longest, line.match(QUOTED)?.length ?? 0);
  for (const line of bare.split("\n")) {
    keys = /^\s*-/.test(line) ? 0 : keys + (/:|^\s*\?/.test(line) ? 1 : 0);
    longest = Math.max(longest, keys, line.match(/,/g)?.length ?? 0);
  }
  return longest;
}

function readYaml(text: string): unknown {
  refuseTangled(text);
  try {
    // Aliases let a short text stand for an enormous one; a policy needs none.
    return parse(text, { maxAliasCount: 0, logLevel: "error", prettyErrors: false });
  } catch (cause) {
    throw new DomainError("invalid", "the policy is not YAML", {
      hint: "check its indentation and quotes; a condition that begins with ! needs quotes",
      cause,
    });
  }
}

/** Reads one of the policies that ship. */
export function shippedPolicy(name: ShippedPolicy): PolicyDocument {
  return readPolicy(readFileSync(new URL(`../policies/${name}.yaml`, import.meta.url), "utf8"));
}

export function isShipped(name: string): name is ShippedPolicy {
  return SHIPPED.some((shipped) => shipped === name);
}

/**
 * Reads the policy of a name that ships, or of a file.
 *
 * @throws {DomainError} invalid or limit, naming the file; not_found.
 */
export function openPolicy(nameOrFile: string): PolicyDocument {
  if (isShipped(nameOrFile)) return shippedPolicy(nameOrFile);
  if (!existsSync(nameOrFile)) {
    throw new DomainError("not_found", `there is no policy ${nameOrFile}`, {
      hint: `name a file, or one of ${SHIPPED.join(", ")}`,
    });
  }
  try {
    return readPolicy(readBounded(nameOrFile));
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new DomainError(error.code, `${basename(nameOrFile)}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** One byte more than is allowed at most: enough to see that there is more. */
function readBounded(path: string): string {
  const buffer = Buffer.alloc(LARGEST + 1);
  try {
    const file = openSync(path, "r");
    try {
      return buffer.toString("utf8", 0, readSync(file, buffer, 0, buffer.length, 0));
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new DomainError("unavailable", "it cannot be read", {
      hint: "name a readable file",
      retryable: false,
      cause,
    });
  }
}

/** Of `slipway.yaml` only the policy is read here; a key that nobody knows may be a misspelt one. */
const Settings = z.strictObject({
  policy: z.string().min(1).optional(),
  ...Object.fromEntries(
    [
      "home",
      "setup",
      "runner",
      "roles",
      "providers",
      "autonomy",
      "budget",
      "sandbox",
      "git",
      "mcpServers",
      "notify",
    ].map((key) => [key, z.unknown().optional()]),
  ),
});

/** The policy that `slipway.yaml` of a project names, a file's name made absolute; null where it names none. */
export function configuredPolicy(project: string): string | null {
  const file = join(project, "slipway.yaml");
  if (!existsSync(file)) return null;
  const settings = Settings.safeParse(readYaml(readBounded(file)) ?? {});
  if (!settings.success) {
    const [issue] = settings.error.issues;
    const key = issue?.code === "unrecognized_keys" ? issue.keys[0]?.slice(0, 40) : undefined;
    throw new DomainError(
      "invalid",
      key === undefined
        ? "slipway.yaml: policy must be a name or a file"
        : `slipway.yaml: there is no key ${oneLine(key, 40)}`,
      { hint: "see slipway config validate" },
    );
  }
  const { policy } = settings.data;
  if (policy === undefined) return null;
  return isShipped(policy) ? policy : join(project, policy);
}

/**
 * The files of a project that say how its changes are judged, as git names them: `slipway.yaml`, the policy it names,
 * and what that leads to where it is a link.
 */
export function policyPaths(project: string, policy: string | null): readonly string[] {
  const files = [join(project, "slipway.yaml"), ...(policy === null || isShipped(policy) ? [] : [policy])];
  const real = realOr(project);
  const named = files.flatMap((file) => [relative(project, file), relative(real, realOr(file))]);
  return [...new Set(named)].filter((path) => !path.startsWith("..") && !isAbsolute(path));
}

function realOr(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** Stands in for a policy that cannot be used: whatever is asked, a person decides. */
export function closedPolicy(reason: string): ReadyPolicy {
  const rule: Rule = {
    id: "otherwise",
    when: "true",
    verdict: "require_human",
    because: `the policy cannot be used: ${reason.slice(0, 300)}`,
  };
  return compilePolicy({ name: "closed", guards: [], ladder: [], otherwise: rule });
}
