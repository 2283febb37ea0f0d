import fc from "fast-check";
import { DomainError } from "../../../kernel/errors.ts";
import { readExpression } from "../../../servers/decision/adapters/cel.ts";
import { readPolicy } from "../../../servers/decision/adapters/policy-file.ts";
import { holds } from "../../../servers/decision/domain/expression.ts";
import { applyPolicy, VERDICTS } from "../../../servers/decision/domain/policy.ts";

export interface Fuzzed {
  readonly runs: number;
  /** Texts that did anything else than be refused or give an answer. */
  readonly escapes: readonly string[];
  readonly refused: number;
  /** Processor time: what else the machine does is no fault of a policy. */
  readonly slowestMs: number;
}

const PIECES = [
  ...["risk", "confidence", "critical", "tests_failed", "coverage", "action", "constructor", "__proto__"],
  ...[
    "prototype",
    "this",
    "process",
    "globalThis",
    "unknown(",
    "missing(",
    "size(",
    "has(",
    ".all(x, ",
    "matches(",
  ],
  ...[
    "&&",
    "||",
    "!",
    "==",
    "!=",
    "<",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "?",
    ":",
    "in",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
  ],
  ...[
    "20%",
    "0.5",
    "1e308",
    "1e999",
    "9".repeat(400),
    "-1",
    "'a'",
    '"b"',
    "'\\''",
    "true",
    "null",
    "0x1f",
    "1u",
    "\u0000",
    "\ud800",
    "\n",
    "//",
    "`",
  ],
];

const conditions = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(" ")),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join("")),
  fc.string({ maxLength: 200, unit: "grapheme" }),
  fc
    .tuple(
      fc.constantFrom("(", "!", "-", "[", "risk||", "risk?risk:", "unknown(", "a:\n", '"', "&a ", "- "),
      fc.nat(3_000),
    )
    .map(([piece, times]) => piece.repeat(times)),
);

/** Puts made-up conditions and documents through reading and applying. */
export function fuzzPolicies({ seed, runs }: { readonly seed: number; readonly runs: number }): Fuzzed {
  const escapes: string[] = [];
  let refused = 0;
  let slowestMs = 0;
  let done = 0;
  for (const text of fc.sample(conditions, { seed, numRuns: runs })) {
    const started = process.cpuUsage();
    for (const answer of [conditionAnswer(text), documentAnswer(text), documentAnswer(asDocument(text))]) {
      if (answer === "escaped") escapes.push(text);
      if (answer === "refused") refused += 1;
    }
    const { user, system } = process.cpuUsage(started);
    slowestMs = Math.max(slowestMs, (user + system) / 1_000);
    done += 1;
  }
  return { runs: done, escapes, refused, slowestMs };
}

type Answer = "refused" | "answered" | "escaped";

const KNOWN = { risk: 0.5, confidence: null, critical: 1 };

function conditionAnswer(text: string): Answer {
  return answerOf(() => {
    const answer: unknown = holds(readExpression(text), KNOWN);
    return answer === true || answer === false || answer === null;
  });
}

function documentAnswer(text: string): Answer {
  return answerOf(() => VERDICTS.includes(applyPolicy(readPolicy(text).policy, "merge", KNOWN).verdict));
}

function asDocument(condition: string): string {
  return JSON.stringify({
    name: "mine",
    guards: [{ id: "one", when: condition, verdict: "block", because: "so" }],
    otherwise: { verdict: "request_review", because: "else" },
  });
}

function answerOf(work: () => boolean): Answer {
  try {
    return work() ? "answered" : "escaped";
  } catch (error) {
    return error instanceof DomainError ? "refused" : "escaped";
  }
}
