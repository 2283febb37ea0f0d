import type { Store } from "../../../kernel/store.ts";
import type { Approval } from "../domain/approval.ts";
import type { Facts } from "../domain/facts.ts";
import type { FactorValues, Readings } from "../domain/factors.ts";
import type { Assessment } from "../domain/formula.ts";
import type { Metrics } from "../domain/metrics.ts";
import type { OutcomeRecord } from "../domain/outcome.ts";
import type { Known } from "../domain/expression.ts";
import type { Action, Policy, Verdict } from "../domain/policy.ts";
import type { EscalationTx } from "./escalations.ts";
import type { VoteTx } from "./votes.ts";

/** What was looked at, and what the formula made of it. */
export interface StoredAssessment {
  readonly id: string;
  readonly action: Action;
  /** The measured range; null where nothing but claims were given. */
  readonly range: {
    readonly repo: string;
    readonly base: string | null;
    readonly head: string;
    /** As the newest commit says; not there in records of before votes. */
    readonly author?: string | undefined;
  } | null;
  readonly metrics: Metrics | null;
  readonly measured: Readings | null;
  readonly claims: Facts;
  readonly model: { readonly name: string; readonly version: string };
  readonly result: Assessment;
  /** SHA-256 over everything above but the id: the same change, measured again, has the same one. */
  readonly digest: string;
  readonly principal: string;
  readonly at: number;
}

export interface StoredDecision {
  readonly id: string;
  readonly action: Action;
  readonly subject: string;
  readonly assessmentId: string;
  readonly result: Assessment;
  readonly known: Known;
  /** Where confidence came from. */
  readonly confidenceFrom: "claimed" | "default";
  readonly verdict: Verdict;
  readonly rulesFired: readonly string[];
  readonly reasons: readonly string[];
  readonly policyVersion: string;
  readonly approvalId: string | null;
  /** Who did the work, as far as anybody said; they have no vote on it. */
  readonly authors: readonly string[];
  readonly principal: string;
  readonly at: number;
}

/** What was tried, on what, and why it was refused. */
export interface Refusal {
  readonly what: string;
  readonly subject: string;
  readonly code: string;
  readonly reason: string;
}

/** What the decision store offers inside one transaction. Adding anything records its event. */
export interface DecisionTx extends EscalationTx, VoteTx {
  addAssessment(assessment: StoredAssessment): Promise<void>;
  findAssessment(id: string): Promise<StoredAssessment | undefined>;
  /** Decisions with smaller ids than `before`, newest first. */
  pastDecisions(before: string, limit: number): Promise<readonly StoredDecision[]>;
  /** Keeps the policy's text under its version, once, and tells where it differs from the one before. */
  keepPolicy(version: string, policy: Policy, now: number): Promise<void>;
  findPolicy(version: string): Promise<Policy | undefined>;
  addDecision(decision: StoredDecision): Promise<void>;
  findDecision(id: string): Promise<StoredDecision | undefined>;
  /** Factor values of the newest decisions on this kind of action made before `before`, newest first. */
  pastFactors(
    action: Action,
    before: number,
    limit: number,
  ): Promise<readonly { readonly id: string; readonly values: FactorValues }[]>;
  addApproval(approval: Approval): Promise<void>;
  findApproval(id: string): Promise<Approval | undefined>;
  /** Approvals of a digest, newest first. */
  approvalsOf(digest: string): Promise<readonly Approval[]>;
  /** Approvals waiting for an answer, oldest first. */
  pendingApprovals(limit: number): Promise<readonly Approval[]>;
  saveApproval(approval: Approval): Promise<void>;
  /** Marks the overdue as expired. */
  expireApprovals(now: number): Promise<void>;
  addOutcome(outcome: OutcomeRecord): Promise<void>;
  /** Puts on record that somebody tried what they may not. */
  noteRefusal(refusal: Refusal): Promise<void>;
  /** Versions of a decision's outcome, first to last. */
  outcomesOf(decisionId: string): Promise<readonly OutcomeRecord[]>;
}

export type DecisionStore = Store<DecisionTx>;
