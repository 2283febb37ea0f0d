import { z } from "zod";
import type { Call } from "../../../kernel/mcp/call.ts";
import { cleanText, clipText } from "../../../kernel/text.ts";
import { answered, startsDigest, TYPED_CHARACTERS, type Approval } from "../domain/approval.ts";

const Answer = z.object({
  digest: z
    .string()
    .max(80)
    .describe(
      `the first ${TYPED_CHARACTERS} characters of the digest, to approve; anything else leaves it open`,
    ),
});

/** What the person at the host is asked to answer for. */
export interface HostQuestion {
  readonly digest: string;
  readonly action: string;
  readonly subject: string;
  readonly reasons: readonly string[];
}

/**
 * Whether somebody at the host typed the start of the digest. Everything else, a refusal, silence, a host that cannot
 * ask, is no answer: hosts decline by themselves, and the approval then waits for the command line. Asks before
 * anything is changed; the tool is entered again with the answer.
 */
export function isApprovedAtHost(call: Call, question: HostQuestion): boolean {
  if (call.ask === undefined) return false;
  const plain = (text: string): string => clipText(cleanText(text), 200);
  const reply = call.ask(
    `approve-${question.digest.slice(0, 16)}`,
    [
      `Approve this ${question.action}? ${plain(question.subject)}`,
      ...question.reasons.map((reason) => `because ${plain(reason)}`),
      `digest ${question.digest}`,
    ].join("\n"),
    Answer,
  );
  return reply.action === "accept" && startsDigest(question, reply.content.digest.trim().toLowerCase());
}

/** The approval as the host's answer leaves it, with the way by which it came. */
export function approvedAtHost(approval: Approval, call: Call, now: number): Approval {
  const host = clipText(cleanText(call.client?.name ?? "unknown"), 60);
  return answered(approval, "approved", `host:${host}`, "elicitation", now);
}
