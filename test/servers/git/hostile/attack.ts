import type { Outcome, Subject } from "./act.ts";
import type { HostileCase } from "./cases.ts";
import type { HostileWorld } from "./world.ts";

/** What one case did to the machine. */
export interface Damage {
  readonly executed: boolean;
  readonly readOutside: boolean;
  readonly wroteOutside: boolean;
  /** The server did not answer any more, or with more than any host takes. */
  readonly broke: boolean;
  /** Where the answer is not what a safe server says; undefined where it is. */
  readonly unexpected: string | undefined;
}

/** What a case does to a machine whose server is safe. */
export const HARMLESS: Damage = {
  executed: false,
  readOutside: false,
  wroteOutside: false,
  broke: false,
  unexpected: undefined,
};

/** No answer is longer, whatever is asked. */
const MAX_ANSWER_CHARS = 256 * 1024;

/** Plays one case against a server. */
export async function attack(
  subject: Subject,
  world: HostileWorld,
  { plant, acts, expect, says, hides, check }: HostileCase,
): Promise<Damage> {
  const repo = world.repository();
  plant?.(repo, world);
  // What preparing did is not the server's doing.
  world.hasRun();
  world.hasWritten();
  const outcomes: Outcome[] = [];
  let failure: string | undefined;
  for (const act of acts(repo, world)) {
    try {
      outcomes.push(await subject.perform(act));
    } catch (error) {
      failure = `${act.do}: ${String(error)}`;
      break;
    }
  }
  const text = outcomes.map((outcome) => outcome.text).join("\n");
  return {
    executed: world.hasRun(),
    readOutside: text.includes(world.secret),
    wroteOutside: world.hasWritten(),
    broke: failure !== undefined || outcomes.some((outcome) => outcome.text.length > MAX_ANSWER_CHARS),
    unexpected: failure ?? unexpected(outcomes, expect, says, hides) ?? check?.(repo, world),
  };
}

function unexpected(
  outcomes: readonly Outcome[],
  expected: HostileCase["expect"],
  says: RegExp | undefined,
  hides: RegExp | undefined,
): string | undefined {
  const last = outcomes.at(-1);
  const text = outcomes.map((outcome) => outcome.text).join("\n");
  const shown = (last?.text ?? "").slice(0, 300);
  if (expected === "all refused") {
    const done = outcomes.find(({ refused }) => !refused);
    if (done !== undefined) return `not refused: ${done.text.slice(0, 300)}`;
  } else if (expected !== "any" && last?.refused !== (expected === "refused"))
    return `not ${expected}: ${shown}`;
  // Every refusal is one of ours, with the fix; a defect says only that.
  if (text.includes("unexpectedly")) return `a defect: ${text.slice(0, 300)}`;
  if (says !== undefined && !says.test(text)) return `does not say ${String(says)}: ${shown}`;
  if (hides?.test(text) === true) return `shows ${String(hides)}: ${shown}`;
  return undefined;
}

/**
 * Whether plain git springs the trap of a case; undefined where there is none to spring. A payload that never runs
 * would prove nothing.
 */
export function springs(world: HostileWorld, { plant, spring }: HostileCase): boolean | undefined {
  if (spring === undefined) return undefined;
  const repo = world.repository();
  plant?.(repo, world);
  world.hasRun();
  try {
    world.ground.git(repo, ...spring);
  } catch {
    // Many payloads make git fail; that they ran is what counts.
  }
  return world.hasRun();
}
