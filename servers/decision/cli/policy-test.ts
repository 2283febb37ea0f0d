import { resolve } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command, type Io } from "../../../kernel/io.ts";
import { isShipped, openPolicy, SHIPPED, type PolicyDocument } from "../adapters/policy-file.ts";
import { failureOf, impactOf, type Impact, type PastDecision } from "../domain/policy-tests.ts";
import { exitFor, withStore } from "./opened.ts";

const USAGE = `usage: slipway decision policy test <FILE|${SHIPPED.join("|")}> [--replay N] [--json] [--home DIR]

Reads a policy, runs the tests it holds, and says which of the last N (1000) decisions of this state folder it would
have decided otherwise. Changes nothing. Exit 1 when a test fails, 2 when the policy cannot be read.`;

const SHOWN = 20;
const PAGE = 500;
/** After every id. */
const NEWEST = "~";

/** Tests a policy before it is used. */
export const policyTest: Command = async (argv, io) => {
  try {
    const flags = parseFlags(
      argv,
      {
        replay: { type: "string" },
        json: { type: "boolean" },
        home: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
      1,
    );
    if (flags.has("help")) {
      io.out(USAGE);
      return EXIT.done;
    }
    const [name] = flags.words;
    if (name === undefined)
      throw new DomainError("invalid", "which policy?", { hint: `a file, or one of ${SHIPPED.join(", ")}` });
    const { policy, tests } = named(isShipped(name) ? name : resolve(io.cwd, name));
    const failures = tests.flatMap((test) => {
      const says = failureOf(policy, test);
      return says === null ? [] : [{ test: test.name, says }];
    });
    const past = await pastDecisions(flags.text("home"), io, flags.int("replay", 0, 100_000) ?? 1_000);
    const impact = impactOf(policy, past);
    if (flags.has("json"))
      io.out(JSON.stringify({ policy: policy.source.name, tests: tests.length, failures, impact }));
    else for (const line of inWords(policy.source.name, tests, failures, impact)) io.out(line);
    return failures.length === 0 ? EXIT.done : EXIT.failed;
  } catch (error) {
    return exitFor(error, io);
  }
};

/** What is no policy is a mistake of whoever called, however it is none. @throws {DomainError} invalid */
function named(nameOrFile: string): PolicyDocument {
  try {
    return openPolicy(nameOrFile);
  } catch (error) {
    if (!(error instanceof DomainError) || !["not_found", "limit"].includes(error.code)) throw error;
    throw new DomainError("invalid", error.message, error.hint === undefined ? {} : { hint: error.hint });
  }
}

async function pastDecisions(
  home: string | undefined,
  io: Io,
  most: number,
): Promise<readonly PastDecision[]> {
  const found: PastDecision[] = [];
  await withStore(home, io, async (store) => {
    let before = NEWEST;
    while (found.length < most) {
      const limit = Math.min(PAGE, most - found.length);
      const page = await store.read((tx) => tx.pastDecisions(before, limit));
      found.push(...page.map(({ id, action, known, verdict }) => ({ id, action, known, verdict })));
      const last = page.at(-1);
      if (last === undefined || page.length < limit) break;
      before = last.id;
    }
  });
  return found;
}

function inWords(
  name: string,
  tests: PolicyDocument["tests"],
  failures: readonly { readonly test: string; readonly says: string }[],
  impact: Impact,
): readonly string[] {
  const { decisions, altered, stricter, milder } = impact;
  return [
    ...failures.map(({ test, says }) => `FAIL  ${test}: ${says}`),
    tests.length === 0
      ? `${name}: it holds no tests`
      : `${name}: ${tests.length - failures.length} of ${tests.length} tests pass`,
    decisions === 0
      ? "no past decisions to replay"
      : `would have altered ${altered.length} of the last ${decisions} decisions: ${stricter} stricter, ${milder} milder`,
    ...altered.slice(0, SHOWN).map(({ id, from, to, rule }) => `  ${id}  ${from} -> ${to} (${rule})`),
    ...(altered.length > SHOWN ? [`  and ${altered.length - SHOWN} more (--json lists all)`] : []),
  ];
}
